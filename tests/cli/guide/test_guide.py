"""The commands in groups, a line each; hints for what is misspelt, misplaced or not there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from recorder.cli import main
from recorder.cli.guide.commands import GROUPS, LONGEST, MEANT, NAMES

CASSETTES = Path(__file__).parents[3] / "cassettes"
COMMANDS = Path(__file__).parents[3] / "recorder/cli/commands"
PREVIEW = CASSETTES / "preview-session.cassette"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with two cassettes."""
    shutil.copy(PREVIEW, tmp_path / "session.cassette")
    shutil.copy(PREVIEW, tmp_path / "tuesday.cassette")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(*words: str) -> str:
    """What a command says that is called wrongly: one line."""
    result = CliRunner().invoke(main, list(words), prog_name="recorder")

    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("recorder: ").removesuffix("\n")


def groups() -> Iterator[tuple[str, click.Group]]:
    context = click.Context(main, info_name="recorder")
    for name in NAMES:
        command = main.get_command(context, name)
        if isinstance(command, click.Group):
            yield name, command


def test_every_command_has_a_module_and_a_line() -> None:
    modules = {path.stem.removesuffix("_") for path in COMMANDS.glob("[!_]*.py")}

    assert sorted(modules) == list(NAMES)
    assert sum(map(len, GROUPS.values())) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_line_of_a_command_is_a_short_sentence(name: str) -> None:
    line = next(lines[name] for lines in GROUPS.values() if name in lines)

    assert len(line) <= LONGEST
    assert line[0].isupper()
    assert line.endswith(".")


def test_the_help_cuts_no_line_at_80_columns() -> None:
    shown = CliRunner().invoke(main, ["--help"]).stdout.splitlines()

    assert [f"{group}:" for group in GROUPS] == [line for line in shown if line.removesuffix(":") in GROUPS]
    assert {f"  {name.ljust(max(map(len, NAMES)))}  {line}" for of in GROUPS.values() for name, line in of.items()} <= {
        *shown
    }
    assert max(map(len, shown)) <= 80


@pytest.mark.parametrize(("name", "group"), [pytest.param(*one, id=one[0]) for one in groups()])
def test_the_lines_of_subcommands_are_not_cut(name: str, group: click.Group) -> None:
    shown = CliRunner().invoke(main, [name, "--help"]).stdout.splitlines()

    for sub, command in group.commands.items():
        assert command.short_help
        assert len(command.short_help) <= LONGEST
        assert any(line.split() == [sub, *command.short_help.split()] for line in shown)


def test_the_help_imports_no_command() -> None:
    program = (
        "import sys, contextlib; from recorder.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "print([name for name in sys.modules if name.startswith('recorder.cli.commands.')], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stderr == "[]\n"


def test_a_completion_shows_the_lines_of_the_commands() -> None:
    found = main.shell_complete(click.Context(main), "re")

    assert [item.value for item in found] == [name for name in NAMES if name.startswith("re")]
    assert found[0].help == GROUPS["Record"]["record"]


@pytest.mark.parametrize("words", [["help"], ["-h"], ["--help"]])
def test_the_help_of_all_commands(words: list[str]) -> None:
    assert CliRunner().invoke(main, words).stdout == CliRunner().invoke(main, ["--help"]).stdout


@pytest.mark.parametrize(
    "words", [[name] for name in NAMES] + [[n, s] for n, group in groups() for s in group.commands]
)
def test_help_shows_the_help_of_a_command(words: list[str]) -> None:
    shown = CliRunner().invoke(main, ["help", *words], prog_name="recorder")
    long, short = (CliRunner().invoke(main, [*words, option], prog_name="recorder") for option in ("--help", "-h"))

    # click keeps the options for the help that a command was called with first: tests call commands through `main`
    assert shown.exit_code == long.exit_code == short.exit_code == 0, short.output
    assert shown.stdout.startswith(f"Usage: recorder {' '.join(words)} ")
    assert shown.stdout == long.stdout == short.stdout


def test_help_of_no_command() -> None:
    assert "did you mean ls?" in said("help", "lss")
    assert "did you mean check?" in said("help", "dialect", "chek")
    assert "ls has no commands; write recorder help ls" in said("help", "ls", "it")


@pytest.mark.parametrize(
    ("word", "meant"),
    [("lss", "ls"), ("rekord", "record"), ("stat", "stats"), ("time-line", "timeline"), *MEANT.items()],
)
def test_a_command_that_is_misspelt_or_of_another_tool(word: str, meant: str) -> None:
    assert said(word).startswith(f"no such command '{word}'; did you mean {meant}? (see ")


def test_a_command_like_no_other() -> None:
    assert said("xylophone").startswith("no such command 'xylophone' (see ")


def test_a_subcommand_that_is_misspelt() -> None:
    assert said("dialect", "sugest", "x").startswith("no such command 'sugest'; did you mean suggest? (see ")
    assert said("policy", "shwo").startswith("no such command 'shwo'; did you mean show? (see ")


def test_an_option_that_is_misspelt() -> None:
    assert said("ls", "session.cassette", "--dialct", "gws").startswith(
        "no such option --dialct; did you mean --dialect?"
    )
    assert said("replay", "session.cassette", "--exit-done").endswith(
        "did you mean --exit-when-done? (see recorder replay --help)"
    )
    assert said("--versoin").startswith("no such option --versoin; did you mean --version?")


def test_a_file_that_is_misspelt() -> None:
    assert "'tuesda.cassette' does not exist; did you mean tuesday.cassette?" in said("ls", "tuesda.cassette")
    assert "'tuesday' does not exist; did you mean tuesday.cassette?" in said("show", "tuesday", "1")
    assert "did you mean" not in said("ls", "xylophone.cassette")
    assert "did you mean" not in said("ls", "no/such/folder.cassette")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["session.cassette", "ls"], "recorder ls session.cassette"),
        (["session.cassette", "show", "3", "--json"], "recorder show session.cassette 3 --json"),
        (["--json", "ls", "session.cassette"], "recorder ls --json session.cassette"),
        (["-f", "op:Get*", "ls", "session.cassette"], "recorder ls -f 'op:Get*' session.cassette"),
        (["show", "3", "session.cassette"], "recorder show session.cassette 3"),
        (["explain", "u1", "session.cassette", "--json"], "recorder explain session.cassette u1 --json"),
        (["grep", "session.cassette", "op:Get*"], "recorder grep 'op:Get*' session.cassette"),
        (["session.cassette"], "recorder ls session.cassette"),
    ],
)
def test_words_in_the_wrong_order_are_told_in_the_right_one(words: list[str], line: str) -> None:
    result = CliRunner().invoke(main, words, prog_name="recorder")

    assert result.exit_code == 2
    assert line in result.stderr.split(" (see ")[0]
