"""A recorder of another environment: how it is named, and what is said when it cannot record for this one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

from recorder.api import recorder
from recorder.api.recorder import Recorder, program, words_of
from recorder.cli import main
from recorder.errors import UsageError
from recorder.model import FORMAT

OWN = version("outbound-recorder")


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    program.cache_clear()
    yield
    program.cache_clear()


def saying(tmp_path: Path, text: str, code: int = 0) -> tuple[str, ...]:
    """A command that prints a text and ends."""
    script = tmp_path / "other.py"
    script.write_text(f"import sys\nprint({text!r})\nsys.exit({code})\n", encoding="utf-8")
    return sys.executable, str(script)


def test_the_version_tells_the_format_that_is_written() -> None:
    said = CliRunner().invoke(main, ["--version"]).stdout

    assert said == f"recorder, version {OWN}, format {FORMAT}\n"


def test_a_command_is_a_path_or_words(tmp_path: Path) -> None:
    path = tmp_path / "with blanks" / "recorder"
    path.parent.mkdir()
    path.touch()

    assert words_of(str(path)) == (str(path),)
    assert words_of("pipx run --spec 'outbound-recorder[record]' recorder") == (
        "pipx", "run", "--spec", "outbound-recorder[record]", "recorder",
    )  # fmt: skip
    assert words_of(["a b", "c"]) == ("a b", "c")
    assert words_of("") == ()


def test_a_quotation_without_an_end_is_no_command() -> None:
    with pytest.raises(UsageError, match="is no command: No closing quotation"):
        words_of("pipx 'run")


def test_without_a_name_it_is_the_one_of_this_python() -> None:
    own = (sys.executable, "-m", "recorder")

    assert (program(()), program(own)) == (own, own)


def test_without_mitmproxy_both_ways_are_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "find_spec", lambda _: None)

    with pytest.raises(UsageError) as found:
        program(())

    said = str(found.value)
    assert "\n" not in said
    assert "pip install 'outbound-recorder[record]'" in said
    assert "pipx run --spec outbound-recorder[record] recorder" in said
    assert "--cassette-recorder" in said


def test_one_of_the_same_version_is_taken(tmp_path: Path) -> None:
    words = saying(tmp_path, f"recorder, version {OWN}, format {FORMAT}")

    assert program(words) == words


def test_a_program_that_prints_no_text_is_no_recorder(tmp_path: Path) -> None:
    script = tmp_path / "other.py"
    script.write_text("import os\nos.write(1, bytes(range(256)))\nos.write(2, b'\\xff\\xfe\\0')\n", encoding="utf-8")

    with pytest.raises(UsageError, match="is no recorder: its --version says"):
        program((sys.executable, str(script)))


@pytest.mark.parametrize("told", ["recorder, version 0.0.9", f"recorder, version 9.9, format {FORMAT}"])
def test_another_version_is_a_warning(told: str, tmp_path: Path) -> None:
    words = saying(tmp_path, told)

    with pytest.warns(UserWarning, match="install the same in both places"):
        assert program(words) == words


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"is version 9\.9 and writes format 9, this one, .*, reads format {FORMAT}"):
        program(saying(tmp_path, "recorder, version 9.9, format 9"))


@pytest.mark.parametrize(("text", "code"), [("Python 3.11", 0), ("", 0), ("", 3)])
def test_what_is_no_recorder_is_refused(text: str, code: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no recorder: its --version says"):
        program(saying(tmp_path, text, code))


def test_what_cannot_be_started_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="cannot be started"),
        Recorder("http://gws.example", tmp_path / "s.cassette", command=[str(tmp_path / "none")]),
    ):
        pass
