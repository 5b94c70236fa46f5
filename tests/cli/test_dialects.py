"""The option --dialect of all commands, and what they say of a cassette in which nothing is an operation."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import open_cassette
from recorder.cli import main
from recorder.cli.guide.commands import NAMES
from recorder.dialect.definition import source
from recorder.model import Header
from tests.wire import HEADER, Ask, Wire, state_event

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
CREATE = Ask("/services/data/v60.0/sobjects/Account", {"Name": "Acme"})
CHANGE = {
    "channel": "/data/AccountChangeEvent",
    "data": {"payload": {"ChangeEventHeader": {"entityName": "Account", "recordIds": ["1"], "changeType": "CREATE"}}},
}
READING = {"convert", "diff", "explain", "grep", "ls", "redact", "replay", "report", "seal", "show", "slice", "stats"}
READING |= {"doctor", "drive", "explore", "load", "merge", "scan", "tail", "timeline", "verify", "view"}
MAKING = {"import", "record"}
WITH_DIALECT = {*READING, *MAKING, "recorrelate", "textconv"}


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def written(path: Path, wire: Wire, header: Header = HEADER) -> Path:
    path.write_bytes(encode_header(header) + b"".join(map(encode, wire.records)))
    return path


@pytest.fixture
def unknown(tmp_path: Path) -> Path:
    """A cassette of an API that no dialect knows: two calls, an event."""
    wire = Wire()
    desk = wire.desk()
    desk.asks(Ask("/shop/orders", {"item": 7}), state_event())
    desk.asks(Ask("/shop/orders", {"item": 8}))
    return written(tmp_path / "unknown.cassette", wire)


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A cassette of an API that another shipped dialect knows."""
    wire = Wire()
    wire.desk().asks(CREATE, CHANGE)
    return written(tmp_path / "foreign.cassette", wire)


# the option


def option_of(name: str) -> click.Parameter | None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return next((one for one in command.params if "--dialect" in one.opts), None)


def test_every_command_whose_result_depends_on_it_takes_a_dialect() -> None:
    assert {name for name in NAMES if option_of(name) is not None} == WITH_DIALECT


@pytest.mark.parametrize("name", sorted(WITH_DIALECT))
def test_a_mistake_in_a_dialect_is_one_line_before_anything_begins(name: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(source("gws-outbound").replace("open_for = 60.0", 'open_for = "long"'))

    for dialect, told in (("klingon", "no such dialect"), (tmp_path / "none.toml", "none.toml"), (wrong, "open_for")):
        result = run(name, "--dialect", dialect)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1
        assert told in result.stderr
    assert list(tmp_path.iterdir()) == [wrong]


@pytest.mark.parametrize("name", sorted(WITH_DIALECT))
def test_a_tab_completes_a_dialect(name: str) -> None:
    found = ShellComplete(main, {}, "recorder", "_C").get_completions([name, "--dialect"], "salesforce-")

    assert "salesforce-changes" in [item.value for item in found]


@pytest.mark.parametrize("names", [READING, MAKING], ids=["reading", "making"])
def test_the_help_says_one_thing(names: set[str]) -> None:
    helps = {option.help for name in names if isinstance(option := option_of(name), click.Option)}

    assert len(helps) == 1


# nothing is an operation


def test_ls_says_why_it_lists_nothing(unknown: Path) -> None:
    result = run("ls", unknown)

    assert result.exit_code == 5
    assert result.stderr == (
        f"recorder: {unknown}: holds 2 exchanges and 1 event, but no operation of the dialect gws-outbound; "
        f"recorder dialect suggest {unknown} writes a dialect\n"
    )


def test_ls_all_lists_them_and_says_the_same(unknown: Path) -> None:
    result = run("ls", "--all", unknown)

    assert result.exit_code == 0
    assert "/shop/orders" in result.stdout
    assert "recorder dialect suggest" in result.stderr


def test_the_shipped_dialect_that_fits_is_named(foreign: Path) -> None:
    result = run("ls", foreign)

    assert result.exit_code == 5
    assert result.stderr.endswith(
        f"the shipped dialect salesforce fits: --dialect salesforce, or recorder recorrelate {foreign} "
        "--dialect salesforce\n"
    )
    assert run("ls", foreign, "--dialect", "salesforce").exit_code == 0
    assert run("recorrelate", foreign, "--dialect", "salesforce").exit_code == 0
    assert run("ls", foreign).stderr == ""


def test_the_events_of_the_right_dialect_are_listed_by_all(tmp_path: Path) -> None:
    wire = Wire()
    wire.desk().hears(CHANGE)
    path = written(tmp_path / "events.cassette", wire)
    result = run("ls", path, "--dialect", "salesforce")

    assert result.exit_code == 5
    assert result.stderr.endswith(f"no operation of the dialect salesforce; recorder ls --all {path} lists them\n")


def test_an_empty_cassette_is_told_as_such(tmp_path: Path) -> None:
    path = written(tmp_path / "my empty.cassette", Wire())

    assert run("ls", path).stderr == f"recorder: {path}: holds no exchange and no event\n"
    assert run("ls", path).exit_code == run("ls", path, "--all").exit_code == 5


@pytest.mark.parametrize("form", ["--json", "--jsonl"])
def test_programs_get_an_empty_list_and_the_code(unknown: Path, form: str) -> None:
    result = run("ls", unknown, form)

    assert result.exit_code == 5
    assert json.loads(result.stdout or "[]") == []
    assert "suggest" in result.stderr


def test_a_limit_of_none_is_what_was_asked_for() -> None:
    assert run("ls", PREVIEW, "--limit", "0").exit_code == 0


def test_one_cassette_with_triples_is_enough(unknown: Path) -> None:
    result = run("ls", unknown, PREVIEW)

    assert result.exit_code == 0
    assert "suggest" in result.stderr


NOTHING = {
    "stats": 0,
    "doctor": 0,
    "timeline": 0,
    "show --filter x": 5,
    "show --handle 7": 5,
    "grep x": 5,
    "convert --to jsonl": 0,
    "convert --to curl": 0,
    "convert --to mermaid": 0,
    "report -o r.html": 0,
    "explain --filter x": 5,
    "slice -o s.cassette --triples 1": 5,
}


@pytest.mark.parametrize("words", NOTHING)
@pytest.mark.parametrize("is_sealed", [False, True], ids=["journal", "sealed"])
def test_every_command_that_would_show_nothing_says_why(
    unknown: Path, monkeypatch: pytest.MonkeyPatch, words: str, *, is_sealed: bool
) -> None:
    monkeypatch.chdir(unknown.parent)
    if is_sealed:
        assert run("seal", unknown).exit_code == 0
    result = run(*words.split(), unknown)

    assert result.exit_code == NOTHING[words]
    assert result.stderr.count("recorder dialect suggest") == 1


def test_a_format_without_triples_needs_no_word(unknown: Path) -> None:
    assert run("convert", "--to", "har", unknown).stderr == ""


def test_a_completion_says_nothing(unknown: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ShellComplete(main, {}, "recorder", "_C").get_completions(["grep", str(unknown), "-f"], "op:")
    ShellComplete(main, {}, "recorder", "_C").get_completions(["slice", str(unknown), "--operation"], "")

    assert capsys.readouterr().err == ""


# an import


def imported(har: Path, tmp_path: Path, *options: str) -> tuple[Result, Path]:
    target = tmp_path / "imported.cassette"
    return run("import", har, "-o", target, *options), target


def test_an_import_chooses_as_a_recording_does(foreign: Path, unknown: Path, tmp_path: Path) -> None:
    har = tmp_path / "s.har"
    for cassette, told, name in (
        (foreign, "dialect: salesforce (of 1 request 1 is an operation of it)", "salesforce"),
        (unknown, "dialect: no shipped dialect fits (2 requests, 1 event)", "gws-outbound"),
    ):
        run("convert", "--to", "har", cassette, "-o", har, "--force")
        result, target = imported(har, tmp_path, "--force")

        assert result.exit_code == 0
        assert f"recorder: {told}" in result.stderr
        with open_cassette(target) as made:
            assert made.header.dialect == name


def test_an_import_under_a_dialect_chooses_none(foreign: Path, tmp_path: Path) -> None:
    har = tmp_path / "s.har"
    run("convert", "--to", "har", foreign, "-o", har)
    result, target = imported(har, tmp_path, "--dialect", "gws-outbound")

    assert "dialect:" not in result.stderr
    with open_cassette(target) as made:
        assert made.header.dialect == "gws-outbound"
