"""Suggest a dialect on the command line."""

from __future__ import annotations

import tomllib
from pathlib import Path

from click.testing import CliRunner, Result

from recorder.cli import main
from recorder.dialect.definition import load

EXAMPLE = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["dialect", "suggest", *map(str, arguments)])


def test_the_dialect_is_printed() -> None:
    result = _run(EXAMPLE, "--yes")
    assert result.exit_code == 0
    assert tomllib.loads(result.stdout)["name"] == "suggested"
    assert "14 events: 14 explained before, 14 by this dialect" in result.stderr


def test_the_dialect_is_written(tmp_path: Path) -> None:
    result = _run(EXAMPLE, "-o", tmp_path / "mine.toml")
    assert result.exit_code == 0
    assert load(str(tmp_path / "mine.toml")).name == "mine"


def test_a_file_is_not_overwritten(tmp_path: Path) -> None:
    output = tmp_path / "mine.toml"
    output.write_text("precious")
    assert _run(EXAMPLE, "-o", output).exit_code != 0
    assert output.read_text() == "precious"
    assert _run(EXAMPLE, "-o", output, "--force").exit_code == 0
