"""Ranges are fetched again where the line breaks, and never of two contents."""

from __future__ import annotations

from collections.abc import Iterator

import fsspec
import pytest

from recorder.errors import InputError
from recorder.fleet.store.places import place
from recorder.fleet.store.problems import Lost
from recorder.fleet.store.ranges import patiently
from tests.lab.line import Line
from tests.lab.s3 import s3

CONTENT = bytes(range(256)) * 8192  # 2 MiB
_PART = 1 << 20


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with s3() as environment, Line(environment["AWS_ENDPOINT_URL"]) as line, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", line.url)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        fsspec.filesystem("s3").pipe_file("team/a", CONTENT)
        yield line


def test_a_try_that_fails_is_followed_by_smaller_ones() -> None:
    asked: list[tuple[int, int]] = []
    waited: list[float] = []

    def fetch(start: int, end: int) -> bytes:
        asked.append((start, end))
        if end - start > _PART // 4:
            raise Lost
        return CONTENT[start:end]

    assert patiently(fetch, 100, 100 + _PART, waited.append) == CONTENT[100 : 100 + _PART]
    assert asked[0] == (100, 100 + _PART)
    assert len(asked) == 5
    assert waited == [0.1]


def test_what_came_is_not_asked_for_again() -> None:
    asked: list[tuple[int, int]] = []

    def fetch(start: int, end: int) -> bytes:
        asked.append((start, end))
        return CONTENT[start : min(end, start + 70_000)]

    assert patiently(fetch, 0, 200_000) == CONTENT[:200_000]
    assert asked == [(0, 200_000), (70_000, 200_000), (140_000, 200_000)]


def test_a_line_that_stays_dead_is_given_up() -> None:
    waited: list[float] = []

    def fetch(_start: int, _end: int) -> bytes:
        raise Lost

    with pytest.raises(Lost):
        patiently(fetch, 0, 10, waited.append)
    assert len(waited) == 4


def test_a_line_that_breaks_in_the_middle_costs_no_byte(line: Line) -> None:
    with place("s3://team/a").opened() as file:  # type: ignore[attr-defined]
        assert file.read(10) == CONTENT[:10]
        line.cuts = [200_000, 100_000]

        assert file.read() == CONTENT[10:]
    assert line.cuts == []


def test_a_file_that_was_replaced_is_no_mix_of_two(line: Line) -> None:
    store = fsspec.filesystem("s3")
    store.pipe_file("team/b", CONTENT)
    with place("s3://team/b").opened() as file:  # type: ignore[attr-defined]
        file.read(10)
        store.pipe_file("team/b", CONTENT[::-1])

        with pytest.raises(InputError, match=r"^s3://team/b: was replaced while it was read; run the command again$"):
            file.read()
    assert line.requests


def test_a_file_of_another_store_that_was_replaced_is_no_mix_of_two(tmp_path: object) -> None:
    from fsspec.implementations.local import LocalFileSystem

    class Plain(LocalFileSystem):
        protocol = "plain"

    fsspec.register_implementation("plain", Plain, clobber=True)
    path = f"{tmp_path}/a"
    store = Plain()
    store.pipe_file(path, CONTENT)
    with place(f"plain://{path}").opened() as file:  # type: ignore[attr-defined]
        file.read(10)
        store.pipe_file(path, CONTENT * 2)

        with pytest.raises(InputError, match="was replaced while it was read"):
            file.read()
