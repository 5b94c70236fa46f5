"""How `recorder record` parts its own words from the command that it runs."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from recorder.cli import main
from recorder.cli.commands.record import command

URL = "http://gws.example"


def parsed(*words: str) -> tuple[str | None, tuple[str, ...]]:
    """UPSTREAM, and the command to run."""
    above = main.make_context("recorder", ["record"])  # without it, `-h` would be unknown in this process from now on
    params = command.make_context("record", list(words), above).params
    return params["upstream"], params["program"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--mode", "regular", "-o", "f", "--", "pytest"], (None, ("pytest",))),
        (["-o", "f", "--mode", "regular", "--", "pytest", "-q"], (None, ("pytest", "-q"))),
        (["--mode=socks5", "-of", "--", "a", "b"], (None, ("a", "b"))),
        (["--mode", "upstream:http://proxy:3128", "-o", "f", "--", "a"], (None, ("a",))),
        (["-o", "f", "--mode", "regular", "--", URL, "-o", "g"], (None, (URL, "-o", "g"))),
        ([URL, "-o", "f", "--", "a"], (URL, ("a",))),
        (["-o", "f", URL, "--", "a"], (URL, ("a",))),
        (["-o", "f", URL, "--", "sh", "-c", "x", "--", "y", "--force"], (URL, ("sh", "-c", "x", "--", "y", "--force"))),
        ([URL, "-o", "f", "--", "--"], (URL, ("--",))),
        ([URL, "-o", "f", "--"], (URL, ())),
        ([URL, "-o", "f"], (URL, ())),
        (["--mode", "regular", "-o", "f"], (None, ())),
    ],
)
def test_the_command_to_run_begins_after_the_first_dashes(
    words: list[str], expected: tuple[str | None, tuple[str, ...]]
) -> None:
    assert parsed(*words) == expected


def test_an_option_after_the_dashes_is_not_the_recorders() -> None:
    with pytest.raises(click.MissingParameter, match="output"):
        parsed(URL, "--", "-o", "f")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what mitmproxy imports
@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([URL, "-o", "f", "pytest"], "write -- before the command to run"),
        (["--mode", "regular", "-o", "f", "pytest", "desk"], "write -- before the command to run"),
        ([URL, "more", "-o", "f", "--", "pytest"], "write -- before the command to run"),
        (["--mode", "regular", "-o", "f", "pytest"], "takes no UPSTREAM"),
        (["--mode", "regular", "-o", "f", URL, "--", "pytest"], "takes no UPSTREAM"),
        (["--mode", "socks5", "-o", "f", "pytest"], "a command goes after --"),
        (["-o", "f", "--", "pytest"], "name the UPSTREAM"),
        ([URL, "-o", "f", "--also", "a-b=http://a", "--also", "A_b=http://b", "--", "pytest"], "of this name"),
        ([URL, "-o", "f", "--seal", "--max-size", "64M"], "--seal is for one file"),
    ],
)
def test_words_that_cannot_be_recorded_are_refused_in_one_line(words: list[str], told: str) -> None:
    pytest.importorskip("mitmproxy")

    result = CliRunner().invoke(main, ["record", *words])

    assert result.exit_code == 2
    assert told in result.stderr
