"""Cassettes in a store are found under their checksums, and what a library raises is one line."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from recorder.errors import InputError, OutputError, UsageError
from recorder.fleet.suite import objects as module
from recorder.fleet.suite.lock import Entry
from recorder.fleet.suite.objects import Objects, StoreError
from tests.fleet.suite.places import counted_s3
from tests.lab.s3 import BUCKET

CONTENT = bytes(range(256)) * 10
ENTRY = Entry("tests/a.cassette", sha256(CONTENT).hexdigest(), len(CONTENT))
KEY = f"{ENTRY.sha256[:2]}/{ENTRY.sha256}.cassette"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.cassette"
    path.write_bytes(CONTENT)
    return path


def test_a_folder_is_a_store(file: Path, tmp_path: Path) -> None:
    store = Objects(str(tmp_path / "shelf"))
    assert store.size(ENTRY) is None

    store.put(ENTRY, file)

    assert store.size(ENTRY) == len(CONTENT)
    assert (tmp_path / "shelf" / KEY).read_bytes() == CONTENT == b"".join(store.parts(ENTRY))
    store.remove(ENTRY)
    assert store.size(ENTRY) is None


def test_s3_is_asked_once_for_each_thing(file: Path) -> None:
    with counted_s3() as server:
        store = Objects(f"s3://{BUCKET}/suite/")
        assert store.size(ENTRY) is None
        store.put(ENTRY, file)
        asked = len(server.requests)

        assert b"".join(store.parts(ENTRY)) == CONTENT
        assert server.requests[asked:] == [f"GET /{BUCKET}/suite/{KEY}"]
        assert store.size(ENTRY) == len(CONTENT)
        with pytest.raises(InputError, match="no-bucket"):
            list(Objects("s3://no-bucket/x").parts(ENTRY))


def test_a_large_one_comes_in_parts(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Objects(str(tmp_path / "shelf"))
    store.put(ENTRY, file)
    monkeypatch.setattr(module, "_PART", 1000)

    assert [len(part) for part in store.parts(ENTRY)] == [1000, 1000, 560]
    assert b"".join(store.parts(ENTRY)) == CONTENT


def test_a_web_server_without_ranges_gives_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Whole:
        def cat_file(self, path: str, **_: int) -> bytes:
            return CONTENT

    monkeypatch.setattr(module, "_PART", 1000)
    monkeypatch.setattr(module, "filesystem_of", lambda _: (Whole(), "a"))

    assert list(Objects("https://a").parts(ENTRY)) == [CONTENT]


def test_what_is_not_there_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        list(Objects(str(tmp_path)).parts(ENTRY))

    assert str(caught.value) == (
        f"tests/a.cassette: cannot be fetched: there is no {tmp_path}/{KEY}; `recorder store push` uploads it, where "
        "its file is"
    )
    assert not isinstance(caught.value, StoreError)


class Denied:
    def cat_file(self, path: str, **_: int) -> bytes:
        raise PermissionError("403\n Forbidden")


class Gone:
    def cat_file(self, path: str, **_: int) -> bytes:
        raise ValueError("login of https://ann:secret@host/x failed")


@pytest.mark.parametrize(
    ("system", "error", "told"),
    [
        (Denied(), InputError, f"tests/a.cassette: cannot be fetched: no access to x://a/{KEY}: 403 Forbidden"),
        (Gone(), StoreError, "x://a: cannot be used: login of https://…@host/x failed"),
    ],
)
def test_what_a_library_raises_is_one_line(
    system: object, error: type[InputError], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "filesystem_of", lambda _: (system, "a"))

    with pytest.raises(error) as caught:
        list(Objects("x://a").parts(ENTRY))

    assert told in str(caught.value)
    assert isinstance(caught.value, StoreError) == (error is StoreError)


def test_what_cannot_be_written_is_told(file: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"tests/a.cassette: cannot be uploaded: "):
        Objects(str(file)).put(ENTRY, file)


def test_no_library_for_a_scheme(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nope://x: cannot be opened"):
        list(Objects("nope://x").parts(ENTRY))


def test_a_web_server_that_is_away_is_no_missing_file() -> None:
    with pytest.raises(StoreError, match=r"http://…@127\.0\.0\.1:9/x: the store cannot be reached \("):
        Objects("http://ann:secret@127.0.0.1:9/x").size(ENTRY)
