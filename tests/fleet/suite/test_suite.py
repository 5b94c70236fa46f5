"""A suite asks its store once for each cassette, and once in all if the store is away."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from recorder.errors import InputError, OutputError, RecorderError, UsageError
from recorder.fleet.suite.cache import Cache
from recorder.fleet.suite.lock import NAME, Entry, text_of
from recorder.fleet.suite.objects import StoreError
from recorder.fleet.suite.suite import Suite, one_by_one

CONTENTS = {f"t/{n}.cassette": f"cassette {n}".encode() for n in range(5)}
ENTRIES = {name: Entry(name, sha256(content).hexdigest(), len(content)) for name, content in CONTENTS.items()}


class Store:
    """A store that remembers what it was asked, and fails as it is told."""

    url = "x://store"

    def __init__(self, fails: Callable[[Entry], Exception | None] = lambda _: None) -> None:
        self.asked: list[str] = []
        self.fails = fails

    def parts(self, entry: Entry) -> Iterator[bytes]:
        self.asked.append(entry.name)
        if error := self.fails(entry):
            raise error
        yield CONTENTS[entry.name]


@pytest.fixture
def new(tmp_path: Path) -> Callable[..., Suite]:
    (tmp_path / NAME).write_text(text_of(ENTRIES))

    def make(store: Store | None = None, run: str = "") -> Suite:
        suite = Suite(tmp_path, "x://store", Cache(tmp_path / "cache"), run)
        vars(suite)["objects"] = store or Store()
        return suite

    return make


def asked(suite: Suite) -> list[str]:
    """Return what the store of a suite was asked for."""
    store: Any = suite.objects
    return list(store.asked)


def told(suite: Suite) -> list[str]:
    """Ask for all cassettes; return the errors."""
    found = []
    for entry in suite.entries.values():
        with pytest.raises(RecorderError) as caught:
            suite.file_of(entry)
        found.append(str(caught.value))
    return found


def test_each_is_fetched_once_and_the_next_run_asks_nothing(new: Callable[..., Suite]) -> None:
    first, second = new(), new()

    first.prefetch(first.entries.values())
    contents = [first.file_of(one).read_bytes() for one in first.entries.values()]
    second.prefetch(second.entries.values())

    assert contents == list(CONTENTS.values())
    assert [second.file_of(one).read_bytes() for one in second.entries.values()] == contents
    assert sorted(asked(first)) == sorted(CONTENTS)
    assert asked(second) == []


def test_what_nobody_has_fetched_before_is_fetched_when_it_is_asked_for(new: Callable[..., Suite]) -> None:
    suite = new()

    assert suite.file_of(suite.entries["t/3.cassette"]).read_bytes() == b"cassette 3"
    assert asked(suite) == ["t/3.cassette"]


def test_a_store_that_is_away_is_asked_once_and_each_cassette_says_so(new: Callable[..., Suite]) -> None:
    suite = new(Store(lambda one: StoreError(one.name, "x://store: cannot be used: it is away")))

    suite.prefetch(suite.entries.values())

    assert told(suite) == [
        f"{name}: it is not in the cache, and x://store: cannot be used: it is away" for name in CONTENTS
    ]
    assert len(asked(suite)) == 1


def test_the_other_processes_of_the_run_do_not_ask_it_again(new: Callable[..., Suite]) -> None:
    away = Store(lambda one: StoreError(one.name, "x://store: cannot be used: it is away"))
    first, second, other = new(away, "run"), new(run="run"), new(run="another run")

    first.prefetch(first.entries.values())

    assert len(told(second)) == 5
    assert asked(second) == []
    assert other.file_of(other.entries["t/3.cassette"]).read_bytes() == b"cassette 3"


def test_it_is_told_to_the_others_while_they_still_wait(
    new: Callable[..., Suite], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = new(Store(lambda one: StoreError(one.name, "x://store: cannot be used: it is away")), "run")
    told_under_the_lock = []

    @contextmanager
    def held(_: Path) -> Iterator[None]:
        try:
            yield
        finally:
            told_under_the_lock.append(Cache(tmp_path / "cache").failure("run", "x://store"))

    monkeypatch.setattr("recorder.fleet.suite.cache.locking", held)

    suite.prefetch(suite.entries.values())

    assert told_under_the_lock == ["x://store: cannot be used: it is away"]


def test_one_that_is_missing_is_asked_for_once_and_spoils_no_other(new: Callable[..., Suite]) -> None:
    suite = new(Store(lambda one: InputError("t/3 is not there") if one.name == "t/3.cassette" else None))
    suite.prefetch(suite.entries.values())
    wanted = suite.entries["t/3.cassette"]

    for _ in range(2):
        with pytest.raises(InputError, match="t/3 is not there"):
            suite.file_of(wanted)

    assert sorted(asked(suite)) == sorted(CONTENTS)
    assert suite.file_of(suite.entries["t/4.cassette"]).read_bytes() == b"cassette 4"


def test_without_a_library_it_is_told_what_to_install(new: Callable[..., Suite]) -> None:
    suite = new(Store(lambda _: UsageError("x://store: needs a library: pip install 'outbound-recorder[store]'")))

    assert all("pip install 'outbound-recorder[store]'" in text for text in told(suite))
    assert len(asked(suite)) == 1


def test_a_damaged_copy_and_no_store_are_told(new: Callable[..., Suite]) -> None:
    suite = new()
    entry = suite.entries["t/3.cassette"]
    suite.file_of(entry).write_bytes(b"cassette !")

    away = new(Store(lambda one: StoreError(one.name, "x://store: cannot be used")))

    with pytest.raises(InputError, match=r"^t/3.cassette: its copy .* is damaged, and x://store: cannot be used$"):
        away.file_of(entry)


def test_a_cache_that_cannot_be_written_is_told_by_each_and_nothing_is_asked(
    new: Callable[..., Suite], tmp_path: Path
) -> None:
    (tmp_path / "cache").write_bytes(b"")
    suite = new()

    assert all("RECORDER_CACHE names another folder" in text for text in told(suite))
    assert asked(suite) == []


def test_a_name_is_a_path_below_the_folder(new: Callable[..., Suite], tmp_path: Path) -> None:
    suite = new()

    assert suite.entry_of(tmp_path / "t" / "3.cassette") == ENTRIES["t/3.cassette"]
    assert [suite.entry_of(path) for path in (tmp_path / "3.cassette", Path("/t/3.cassette"))] == [None, None]


def test_transfers_end_with_the_first_error() -> None:
    tried = []

    def fails(one: int) -> None:
        tried.append(one)
        raise OutputError(errno.ENOSPC)

    with pytest.raises(OutputError):
        one_by_one(fails, range(9))
    one_by_one(fails, [])

    assert tried == [0]
