"""What is pushed is uploaded once by content, what is pulled is written, and both tell what they leave alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recorder.errors import InputError, UsageError
from recorder.fleet.suite.cache import Cache
from recorder.fleet.suite.lock import NAME, read_lock, text_of
from recorder.fleet.suite.objects import Objects
from recorder.fleet.suite.suite import Suite
from recorder.fleet.suite.transfer import cassettes_below, problems, pull, push


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A suite of three cassettes, two of them with equal bytes."""
    folder = tmp_path / "suite"
    for name, content in (("a", b"one"), ("b", b"two"), ("sub/c", b"one")):
        path = folder / "t" / f"{name}.cassette"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


class Counting(Objects):
    """A store in a folder that remembers what is uploaded."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.put_names: list[str] = []

    def put(self, entry, file):
        self.put_names.append(entry.name)
        super().put(entry, file)


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    return Counting(str(tmp_path / "shelf"))


def files(root: Path) -> list[Path]:
    return cassettes_below([root])


def suite(root: Path, store: Counting) -> Suite:
    return Suite(root, store.url, Cache(root.parent / "cache"))


def test_equal_bytes_are_uploaded_once_and_named_twice(root: Path, store: Counting) -> None:
    done = push(files(root), root, store)

    assert (done.uploaded, done.size, done.changed, len(done.entries)) == (2, 6, 3, 3)
    assert len(store.put_names) == 2
    assert list(read_lock(root / NAME)) == ["t/a.cassette", "t/b.cassette", "t/sub/c.cassette"]


def test_what_is_there_is_not_uploaded_again_and_the_lock_file_stays(root: Path, store: Counting) -> None:
    push(files(root), root, store)
    before = (root / NAME).stat()
    store.put_names.clear()

    done = push(files(root), root, store)

    assert (done.uploaded, done.changed, store.put_names) == (0, 0, [])
    assert (root / NAME).stat().st_mtime_ns == before.st_mtime_ns


def test_a_changed_cassette_is_a_new_object_and_the_old_one_stays_for_old_commits(root: Path, store: Counting) -> None:
    push(files(root), root, store)
    old = (root / NAME).read_text()
    (root / "t/b.cassette").write_bytes(b"two, recorded again")

    done = push([root / "t/b.cassette"], root, store)

    assert (done.uploaded, done.changed) == (1, 1)
    (root / NAME).write_text(old)
    (root / "t/b.cassette").unlink()
    assert pull(suite(root, store), list(read_lock(root / NAME).values())).written == [root / "t/b.cassette"]
    assert (root / "t/b.cassette").read_bytes() == b"two"


def test_lines_of_files_that_are_not_here_stay(root: Path, store: Counting) -> None:
    push(files(root), root, store)
    (root / "t/a.cassette").unlink()

    push(files(root), root, store)

    assert len(read_lock(root / NAME)) == 3


def test_an_upload_that_ended_in_its_middle_is_done_again(root: Path, store: Counting) -> None:
    push(files(root), root, store)
    (part,) = (path for path in Path(store.url).rglob("*.cassette") if path.read_bytes() == b"two")
    part.write_bytes(b"t")

    assert list(problems(suite(root, store))) == ["t/b.cassette: the store has 1 of its 3 bytes; push it again"]
    assert push(files(root), root, store).uploaded == 1
    assert list(problems(suite(root, store))) == []


def test_a_cassette_that_changes_meanwhile_is_not_left_under_a_checksum_of_others(root: Path, store: Counting) -> None:
    class Late(Counting):
        def put(self, entry, file):
            file.write_bytes(file.read_bytes() + b"more")
            super().put(entry, file)

    late = Late(store.url)

    with pytest.raises(UsageError, match=r"a\.cassette: was changed while it was uploaded; push it when"):
        push([root / "t/a.cassette"], root, late)

    assert list(Path(store.url).rglob("*.cassette")) == []
    assert not (root / NAME).exists()


def test_nothing_is_uploaded_if_the_lock_file_has_a_mistake(root: Path, store: Counting) -> None:
    (root / NAME).write_text("<<<<<<< HEAD\n")

    with pytest.raises(UsageError, match="a conflict of git"):
        push(files(root), root, store)

    assert store.put_names == []


def test_what_is_not_below_the_folder_is_refused(root: Path, store: Counting, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not below"):
        push([tmp_path / "x.cassette"], root, store)


def test_a_file_with_other_bytes_is_left_alone_unless_it_may_be_overwritten(root: Path, store: Counting) -> None:
    push(files(root), root, store)
    (root / "t/b.cassette").write_bytes(b"two, recorded again")
    (root / "t/a.cassette").unlink()
    entries = list(read_lock(root / NAME).values())

    first = pull(suite(root, store), entries)

    assert (first.written, first.kept) == ([root / "t/a.cassette"], [root / "t/b.cassette"])
    assert pull(suite(root, store), entries, force=True).written == [root / "t/b.cassette"]
    assert (root / "t/b.cassette").read_bytes() == b"two"


def test_what_lacks_is_told_of_each_cassette(root: Path, store: Counting, tmp_path: Path) -> None:
    push(files(root), root, store)
    (root / "t/b.cassette").write_bytes(b"two, recorded again")

    found = list(problems(Suite(root, str(tmp_path / "empty"), Cache(tmp_path / "c"))))

    assert found == [
        "t/a.cassette: is not in the store; push it where its file is",
        "t/b.cassette: is not in the store; push it where its file is",
        "t/b.cassette: the file here has other bytes than cassettes.lock says; push it, or pull with --force",
        "t/sub/c.cassette: is not in the store; push it where its file is",
    ]


def test_what_the_store_lacks_cannot_be_pulled(root: Path, store: Counting, tmp_path: Path) -> None:
    push(files(root), root, store)
    empty = Suite(root, str(tmp_path / "empty"), Cache(tmp_path / "c"))

    with pytest.raises(InputError, match="there is no"):
        pull(empty, list(empty.entries.values()))


def test_hidden_folders_and_packages_are_no_part_of_a_suite(root: Path) -> None:
    for folder in (".venv/lib", "node_modules/x", "t/.recording-x", "lib/site-packages/recorder"):
        path = root / folder / "x.cassette"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    (root / "t/folder.cassette").mkdir()

    assert [path.name for path in cassettes_below([root])] == ["a.cassette", "b.cassette", "c.cassette"]
    assert cassettes_below([root / "t/.recording-x/x.cassette"]) == [root / "t/.recording-x/x.cassette"]


@pytest.mark.parametrize("link", ["t", "t/a.cassette"])
def test_nothing_is_written_where_a_link_leads_out_of_the_folder(
    link: str, root: Path, store: Counting, tmp_path: Path
) -> None:
    push(files(root), root, store)
    (root / "t").rename(tmp_path / "elsewhere")
    there = tmp_path / "elsewhere/a.cassette"
    there.unlink()
    (root / link).parent.mkdir(exist_ok=True)
    (root / link).symlink_to(tmp_path / "elsewhere" if link == "t" else there)

    with pytest.raises(UsageError, match=r"a\.cassette: is not below .*: a link leads to .*; remove the link"):
        pull(suite(root, store), list(read_lock(root / NAME).values()), force=True)

    assert not there.exists()


def test_a_folder_in_the_place_of_a_cassette_is_told(root: Path, store: Counting) -> None:
    push(files(root), root, store)
    (root / "t/a.cassette").unlink()
    (root / "t/a.cassette").mkdir()

    with pytest.raises(InputError, match=r"a\.cassette: cannot be read: is a directory"):
        pull(suite(root, store), list(read_lock(root / NAME).values()))


@pytest.mark.timeout(20)
def test_a_size_far_beyond_that_in_the_store_ends_at_once(root: Path, store: Counting) -> None:
    push(files(root), root, store)
    entries = {name: replace(one, size=10**15 - 1) for name, one in read_lock(root / NAME).items()}
    (root / NAME).write_text(text_of(entries))

    with pytest.raises(InputError, match="the store has other bytes than "):
        pull(suite(root, store), list(entries.values()))
