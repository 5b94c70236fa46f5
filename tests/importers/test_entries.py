"""The walk over the entries of an archive of any size, whole or damaged."""

from __future__ import annotations

import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import CassetteError
from recorder.importers import entries
from recorder.importers.containers import Container
from recorder.importers.entries import Damage, Element, elements, parsed
from recorder.importers.har import read_har
from recorder.importers.spool import Spool
from tests.importers.session import SESSION, archive, entry, imported, session

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=8)
    | st.sampled_from(['"', "\\", "]}", '{"', "\\\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


class Slow(io.BytesIO):
    """A stream that gives few bytes at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 1, 3) if size is None or size > 0 else 3)


def found(text: bytes) -> list[Any]:
    return [parsed(one.text or b"null") if isinstance(one, Element) else one for one in elements(Slow(text), "f")]


@given(st.lists(VALUES, max_size=4), VALUES, st.integers(0, 2))
def test_the_entries_are_those_that_json_finds(values: list[Any], other: Any, indent: int) -> None:
    top = {"a": other, "log": {"b": other, "entries": values, "c": other}, "d": other}

    assert found(json.dumps(top, indent=indent or None).encode()) == values


@given(st.lists(VALUES, min_size=1, max_size=3), st.data())
def test_a_text_that_is_cut_off_gives_the_entries_before_the_cut(values: list[Any], data: st.DataObject) -> None:
    text = json.dumps({"log": {"entries": values}}).encode()
    cut = text[: data.draw(st.integers(len(b'{"log": {"entries": ['), len(text) - len(b"]}}")))]

    there = found(cut)

    assert there[-1] == Damage("the file ends early")
    assert [one for one in there[:-1] if one in values] == there[:-1] or there[:-1] == values[: len(there) - 1]


@pytest.mark.parametrize("behind", [b"", b"\0" * 2000, b"garbage", b"]}}", b'{"log":{"entries":[]}}'])
def test_what_stands_behind_the_entries_does_not_matter(behind: bytes) -> None:
    assert found(b'{"log":{"entries":[1,2]' + b"}}" + behind) == [1, 2]
    assert found(b'{"log":{"entries":[1,2]' + behind) == [1, 2]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (b"[,,1,]", [1]), (b"[1 2]", [1, 2]), (b'[{"a":"\x01"}]', [{"a": "\x01"}]), (b'["\\ud800"]', ["\ud800"]),
        (b"[1}", [1, Damage("the file is damaged")]), (b"[NaN]", None),
    ],
)  # fmt: skip
def test_lists_that_are_no_json_are_read_as_far_as_they_go(text: bytes, values: list[Any] | None) -> None:
    there = found(b'{"log":{"entries":' + text + b"}}")

    assert there == values if values is not None else there[0] != there[0]


def test_bytes_that_are_no_utf_8_are_taken_for_those_of_windows() -> None:
    assert parsed(b'"M\xfcller"') == "Müller"


def test_an_entry_that_is_no_json_costs_itself_alone() -> None:
    text = json.dumps(archive(session())).encode().replace(b"[{", b'[{"a": nonsense}, {', 1)

    assert imported(text).losses.left_out == {"no-json": 1}


def test_an_entry_that_is_too_large_costs_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "LARGEST_ENTRY", 30_000)
    large = entry(SESSION[3])
    large["response"]["content"]["text"] = 'x"\\' * 20_000

    result = imported(archive([large, *session()]))

    assert result.losses.left_out == {"too-large": 1}
    assert result.exchanges == len(SESSION)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_archives_may_have_a_byte_order_mark_or_two_bytes_a_character(codec: str) -> None:
    text = json.dumps(archive(session()), ensure_ascii=False)

    assert imported(text.encode(codec)).parts[:] is not None
    assert imported(text.encode(codec)).exchanges == len(SESSION)


def test_an_archive_that_is_cut_off_is_imported_up_to_the_cut_and_told() -> None:
    text = json.dumps(archive(session())).encode()

    result = imported(text[: text.rindex(b'"startedDateTime"') + 5])

    assert result.exchanges == len(SESSION) - 1
    assert "left out: all after number 9: the file ends early" in result.notes


def test_what_is_no_archive_is_refused_whatever_its_size() -> None:
    with pytest.raises(CassetteError, match="is not a HAR"):
        imported(b"{" * 5_000_000)


def test_memory_does_not_grow_with_the_file(tmp_path: Any) -> None:
    """60 MB, a third of it of another server; what is kept is in the temporary file."""
    body = "x" * 1_000_000
    own, other = entry(SESSION[3]), entry(SESSION[3], "https://cdn.example")
    own["response"]["content"]["text"] = other["response"]["content"]["text"] = body
    texts = [json.dumps(one) for one in session()] + [json.dumps(own)] * 40 + [json.dumps(other)] * 20
    path = tmp_path / "large.har"
    path.write_text('{"log":{"entries":[' + ",".join(texts) + "]}}")
    tracemalloc.start()
    try:
        with Spool(tmp_path) as spool:
            result = read_har(Container.of(path), spool)
            assert sum(len(part.body) for part in result.parts if hasattr(part, "body")) > 40_000_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert result.losses.left_out == {"other-server": 20}
    assert peak < 30_000_000


def test_an_entry_that_is_too_large_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "LARGEST_ENTRY", 1_000_000)
    text = b'{"log":{"entries":[{"a":"' + b"x" * 20_000_000 + b'"},{}]}}'
    tracemalloc.start()
    try:
        there = list(elements(io.BytesIO(text), "f"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [isinstance(one, Element) and one.text for one in there] == [None, b"{}"]
    assert peak < 6_000_000


def test_a_part_takes_a_quarter_of_a_kilobyte_of_memory() -> None:
    text = json.dumps(archive([entry(SESSION[3])] * 500)).encode()
    tracemalloc.start()
    try:
        with Spool() as spool:
            read_har(Container.of_bytes(text, "f"), spool)
            before, _ = tracemalloc.get_traced_memory()
            spool.items.clear()
            after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (before - after) / 1000 < 300
