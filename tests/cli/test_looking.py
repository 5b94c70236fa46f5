"""Commands that look at a large sealed cassette read no more of it than they must."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from recorder.cassette import codec, sealed
from recorder.cassette.codec import encode, encode_header
from recorder.cli import loading, main
from recorder.cli.loading import _candidates
from recorder.dialect.carried import under
from recorder.dialect.definition import load
from recorder.errors import CassetteError
from recorder.library import lazy
from recorder.library.lazy import OpenRecording
from recorder.library.sealing import seal
from recorder.views.filter import Expression, parse
from tests.library.index.mutations import changed, frames
from tests.wire import HEADER, Wire, chained, done, state_event

TRIPLES = 50


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A journal, and the sealed file of it with an index."""
    folder = tmp_path_factory.mktemp("looking")
    wire = Wire()
    desk = wire.desk()
    for n in range(1, TRIPLES + 1):
        desk.asks(chained(n, f"r{n}"), done(n, f"r{n}"))
    desk.polls()
    desk.loses_poll()
    desk.hears(state_event())
    journal = folder / "journal.cassette"
    header = replace(under(HEADER, load()), redaction="gws")
    journal.write_bytes(encode_header(header) + b"".join(map(encode, wire.records)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed, "INDEX_FROM", 0)
        seal(journal, folder / "sealed.cassette")
    return journal, folder / "sealed.cassette"


@pytest.mark.parametrize(
    "command",
    [
        "show FILE 7",
        "show FILE --handle 7",
        "show FILE --filter ref:R7",
        "explain FILE 7",
        "explain FILE --filter n:7",
        "timeline FILE 7",
        "timeline FILE --filter handle:7",
        "ls --limit 2 FILE",
        "grep handle:7 FILE",
        "grep 'n:3..4 -state:failed' FILE",
    ],
)
def test_what_is_named_is_read_through_the_index(
    command: str, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    decode = codec.decode
    monkeypatch.setattr(codec, "decode", lambda found, **options: decoded.append(1) or decode(found, **options))
    journal, stored = files

    of_journal = CliRunner().invoke(main, _arguments(command, journal))
    decoded.clear()
    of_sealed = CliRunner().invoke(main, _arguments(command, stored))

    assert (of_sealed.exit_code, of_sealed.stdout) == (0, of_journal.stdout.replace("journal", "sealed"))
    assert 0 < len(decoded) <= 12  # of some 200 records


def _arguments(command: str, path: Path) -> list[str]:
    import shlex

    return [str(path) if word == "FILE" else word for word in shlex.split(command)]


def test_a_single_event_is_explained_without_what_comes_after_it(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    decode = codec.decode
    monkeypatch.setattr(codec, "decode", lambda found, **options: decoded.append(1) or decode(found, **options))

    result = CliRunner().invoke(main, ["explain", str(files[1]), "3.1"])

    assert result.exit_code == 0
    assert len(decoded) < 40


def found(text: str) -> tuple[list[str], object]:
    """The values that are looked up for a filter, and what came out; the index says 1 and 3 for each."""
    asked: list[str] = []

    def find(name: str, texts: object) -> set[int]:
        asked.extend(f"{name}={one}" for one in texts)  # type: ignore[attr-defined]  # an iterable of texts
        return {1, 3}

    by: Expression = parse(text, ["handle", "reference"])
    return asked, _candidates(by, 9, find)


def test_a_value_is_looked_up_in_all_spellings_that_the_filter_accepts() -> None:
    assert found("handle:1001") == (["handle=1001"], {1, 3})
    assert found("ref:a1b")[0] == ["reference=a1b", "reference=a1B", "reference=A1b", "reference=A1B"]
    assert found("ref:k")[0] == ["reference=k", "reference=K", "reference=\u212a"]


@pytest.mark.parametrize(
    "text",
    ["1001", "handle:1*", "-handle:1", "session:s1", "handle:1 or state:failed", "op:GetChainedRecord", 'handle:"a?"'],
)
def test_other_filters_are_not_looked_up(text: str) -> None:
    assert found(text)[1] is None


def test_terms_narrow_and_alternatives_widen() -> None:
    assert found("handle:1 state:failed")[1] == {1, 3}
    assert found("handle:1 or n:5")[1] == {1, 3, 5}
    assert found("n:>7")[1] == range(7, 10)
    assert found("n:2..3 handle:1")[1] == range(2, 4)


@pytest.mark.parametrize("words", ["r4", "complete", "zzz", "-r4", "r1 or zzz"])
@pytest.mark.parametrize("form", ["", "--count", "--jsonl", "-l"])
def test_several_processes_find_the_same(
    words: str, form: str, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_BLOCK", 16)
    command = ["grep", *form.split(), "--jobs"]

    one, two = (CliRunner().invoke(main, [*command, jobs, "--", words, str(files[1])]) for jobs in "12")

    assert (two.exit_code, two.output) == (one.exit_code, one.output)


def test_several_processes_compare_the_checksum(files: tuple[Path, Path], tmp_path: Path) -> None:
    data, path = files[1].read_bytes(), tmp_path / "s.cassette"
    path.write_bytes(changed(data, data.index(b"GetChainedRecord"), b"X")[: -codec.END_SIZE] + data[-codec.END_SIZE :])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "_BLOCK", 16)
        result = CliRunner().invoke(main, ["grep", "--jobs", "2", "r4", str(path)])

    assert result.exit_code == 4
    assert "checksum" in result.stderr


def test_a_large_journal_is_read_with_a_hint_to_seal_it(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_LARGE", TRIPLES)
    why = "has no index, so that each command reads the whole file"
    said = f"recorder: {files[0]}: {why}; recorder seal {files[0]} adds one\n"

    assert CliRunner().invoke(main, ["ls", str(files[0])]).stderr == said
    assert CliRunner().invoke(main, ["ls", str(files[1])]).stderr == ""

    monkeypatch.setattr(loading, "_LARGE", TRIPLES + 1)
    assert CliRunner().invoke(main, ["ls", str(files[0])]).stderr == ""


def hint(path: Path) -> str:
    result = CliRunner().invoke(main, ["ls", str(path)])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == TRIPLES + 1
    return result.stderr


def test_triples_of_other_rules_are_derived_with_a_hint(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lazy, "RULES", 0)

    told = hint(files[1])

    assert f"by another version of the rules, so they are derived anew each time; recorder seal {files[1]} s" in told


def test_an_index_whose_details_cannot_be_read_is_told(files: tuple[Path, Path], tmp_path: Path) -> None:
    data, path = files[1].read_bytes(), tmp_path / "s.cassette"
    _, begin, _ = next(found for found in frames(data) if found[0] == codec.DETAIL)
    path.write_bytes(changed(data, begin, b"\xc1"))

    assert "its index is damaged, so they are derived anew each time" in hint(path)


def test_a_cassette_is_closed_if_what_is_said_of_it_fails(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise CassetteError("s.cassette", "is damaged")

    closed: list[OpenRecording] = []
    close = OpenRecording.close
    monkeypatch.setattr(OpenRecording, "close", lambda self: (closed.append(self), close(self)))
    monkeypatch.setattr(loading, "hint_if_none", fail)

    with pytest.raises(CassetteError):
        loading.opened(files[1], None)

    assert len(closed) == 1
