"""The lock file is read as it was written, merged by git, and refused with a line and advice."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import UsageError
from recorder.fleet.suite.lock import NAME, Entry, name_of, named, parse, problem_of, read_lock, text_of

A, B, C = (Entry(f"tests/cassettes/{n}.cassette", n * 64, 7) for n in "abc")
NAMES = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=20).map(lambda t: f"{t}.cassette")
ENTRIES = st.builds(
    Entry, NAMES.filter(lambda n: not problem_of(n)), st.text("0123456789abcdef", min_size=64, max_size=64),
    st.integers(1, 10**12),
)  # fmt: skip


def lock(*entries: Entry) -> str:
    return text_of({one.name: one for one in entries})


@given(st.lists(ENTRIES, unique_by=lambda one: one.name))
def test_what_is_written_is_read(entries: list[Entry]) -> None:
    assert parse(lock(*entries), "l") == {one.name: one for one in entries}


def test_lines_are_sorted_and_say_what_they_are_to_a_person() -> None:
    assert lock(B, A).splitlines() == [
        "# cassettes.lock 1: made by `recorder store push`, goes into git",
        f"tests/cassettes/a.cassette sha256:{'a' * 64} 7",
        f"tests/cassettes/b.cassette sha256:{'b' * 64} 7",
    ]


def test_a_name_may_have_spaces_and_letters_of_any_language() -> None:
    odd = Entry("tests/zwölf  Gespräche (Ж).cassette", "0" * 64, 1)

    assert parse(lock(odd), "l") == {odd.name: odd}


def test_no_file_is_an_empty_one(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "cassettes.lock") == {}


def test_a_file_of_windows_is_read(tmp_path: Path) -> None:
    (tmp_path / "l").write_bytes(lock(A).replace("\n", "\r\n").encode())

    assert read_lock(tmp_path / "l") == {A.name: A}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "l, line 1: is not `# cassettes.lock 1`, so this is no lock file; "),
        ("# cassettes.lock 2: x\n", "l, line 1: is of version 2, this recorder reads version 1; use a newer recorder"),
        ("<<<<<<< HEAD\n" + lock(A), "l, line 1: a conflict of git is not resolved"),
        (lock(A) + "<<<<<<< HEAD\n", "l, line 3: a conflict of git is not resolved; keep the lines of both sides"),
        (lock(A) + "=======\n", "l, line 3: a conflict of git"),
        (lock(A) + ">>>>>>> topic\n", "l, line 3: a conflict of git"),
        (lock(A) + f"{A.name} sha256:{'b' * 64} 7", "line 3: tests/cassettes/a.cassette has another checksum"),
        (lock(A) + "b.cassette\n", "line 3: is not NAME sha256:CHECKSUM SIZE: 'b.cassette'; `recorder store push`"),
        (lock(A) + f"b.cassette sha256:{'b' * 63} 7\n", "line 3: is not NAME"),
        (lock(A) + f"b.cassette sha256:{'B' * 64} 7\n", "line 3: is not NAME"),
        (lock(A) + f"b.cassette sha256:{'b' * 64} 0\n", "line 3: is not NAME"),
        (lock(A) + f"../b.cassette sha256:{'b' * 64} 1\n", "line 3: the name '../b.cassette' leads out of the folder"),
        (lock(A) + f"/b.cassette sha256:{'b' * 64} 1\n", "leads out of the folder"),
        (lock(A) + f"conftest.py sha256:{'b' * 64} 1\n", "the name 'conftest.py' does not end with .cassette"),
        (lock(A) + f"C:b.cassette sha256:{'b' * 64} 1\n", "a backslash or a colon"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_do(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, "l")

    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_lock_file_or_a_usage_error(text: str) -> None:
    with suppress(UsageError):
        assert parse(text, "l") is not None


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "l").write_bytes(b"\xff\xfe")

    with pytest.raises(UsageError, match="is not UTF-8"):
        read_lock(tmp_path / "l")


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: is a directory"):
        read_lock(tmp_path)


def test_names_are_those_below_the_folder() -> None:
    root = Path("/suite")

    assert name_of(root / "t" / "a.cassette", root) == "t/a.cassette"
    assert [name_of(path, root) for path in (Path("/other/a.cassette"), root / "a.jnl", root / "a\nb.cassette")] == [
        None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/other/a.cassette", "is not below .*suite, the folder of the lock file"),
        ("/suite/a\n.cassette", "has a control character"),
        ("/suite/a.jnl", "does not end with .cassette"),
    ],
)
def test_what_cannot_have_a_name_is_told(path: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        named(Path(path), Path("/suite"))


@given(st.text(max_size=30))
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    path = PurePosixPath(f"/suite/{name}.cassette")

    assert problem_of(f"{name}.cassette") or (path.is_relative_to("/suite") and ".." not in path.parts)


def git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    own = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *own, *words], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.once
def test_git_merges_two_branches_that_add_cassettes(tmp_path: Path) -> None:
    first, second = (Entry(f"tests/{n}.cassette", n[0] * 64, 7) for n in ("ab", "by"))
    file = tmp_path / "cassettes.lock"
    (tmp_path / ".gitattributes").write_text("cassettes.lock merge=union\n")
    git(tmp_path, "init", "-q")
    for branch, entries in (("main", (A,)), ("one", (A, first)), ("two", (A, second))):
        git(tmp_path, "checkout", "-q", *(["-b", branch, "main"] if branch != "main" else ["--orphan", "main"]))
        file.write_text(lock(*entries))
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-q", "-m", branch)

    merged = git(tmp_path, "merge", "-q", "one")

    assert merged.returncode == 0, merged.stdout
    assert read_lock(file) == {one.name: one for one in (A, first, second)}


def test_a_mark_of_the_byte_order_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(lock(A), "utf-8-sig")

    assert read_lock(tmp_path / NAME) == {A.name: A}


def test_a_version_of_thousands_of_digits_is_no_version() -> None:
    with pytest.raises(UsageError, match="so this is no lock file"):
        parse(f"# {NAME} {'9' * 5000}\n", NAME)
