"""A command that reads all of a sealed cassette compares its checksum: a changed triple is an error, exit code 4."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from recorder.cassette import codec
from recorder.cli import main
from tests.library.index.mutations import changed, frames, make

COMMANDS = [
    "ls FILE", "ls --all FILE", "stats FILE", "grep op:* FILE", "timeline FILE", "scan FILE", "doctor FILE",
    "textconv FILE", "diff FILE FILE", "report FILE -o OUT", "convert FILE --to jsonl", "convert FILE --to har -o OUT",
    "merge FILE -o OUT", "redact FILE -o OUT", "seal FILE -o OUT", "recorrelate FILE --dialect gws-outbound -o OUT",
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("whole"))


def words(command: str, file: Path, out: Path) -> list[str]:
    return [{"FILE": str(file), "OUT": str(out)}.get(word, word) for word in command.split()]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_changed_triple_is_an_error_of_a_command_that_reads_all(command: str, whole: Path, tmp_path: Path) -> None:
    data, path = whole.read_bytes(), tmp_path / "s.cassette"
    begin, end = next((begin, end) for kind, begin, end in frames(data) if kind == codec.TRIPLE)
    at = data.index(b"GetPreviewRecord", begin, end)
    path.write_bytes(changed(data, at, b"X")[: -codec.END_SIZE] + data[-codec.END_SIZE :])

    result = CliRunner().invoke(main, words(command, path, tmp_path / "out"))

    assert result.exit_code == 4, result.output[-300:]
    assert "checksum" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unchanged_one_is_none(command: str, whole: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, words(command, whole, tmp_path / "out"))

    assert result.exit_code in (0, 1, 5, 7), result.output
