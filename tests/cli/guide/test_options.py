"""One option has one name, one short form, one metavar and one default in all commands that have it."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from recorder.cli import main
from recorder.cli.guide.commands import NAMES

# options that mean one thing wherever they are: what they are in all commands
SHARED = {
    "--dialect": (["--dialect"], "NAME|FILE"),
    "--filter": (["-f", "--filter"], "EXPR"),
    "--force": (["--force"], None),
    "--json": (["--json"], None),
    "--jsonl": (["--jsonl"], None),
    "--limit": (["--limit"], "N"),
    "--jobs": (["--jobs"], "N"),
    "--handle": (["--handle"], "HANDLE"),
    "--reference": (["--reference"], "ID"),
    "--policy": (["--policy"], "NAME|FILE"),
    "--output": (["-o", "--output"], "FILE"),
    "--listen": (["--listen"], "HOST:PORT"),
    "--log": (["--log"], "FILE"),
    "--ca-dir": (["--ca-dir"], "DIR"),
    "--seed": (["--seed"], "N"),
    "--html": (["--html"], "FILE"),
    "--to": (["--to"], None),
}
OWN = {
    ("recorrelate", "--dialect"): (["--dialect", "--rules"], "NAME|FILE"),  # an older name of the option
    ("record", "--output"): (["-o", "--output"], "[+]FILE"),  # may append
    ("catalogue build", "--output"): (["-o", "--output"], "URL|FOLDER"),  # many files
    ("explore", "--output"): (["-o", "--output"], "DIR"),  # the name of the file is that of the schedule
}
# which commands read cassettes, and the options that each of them has
READERS = {
    "ls": "dialect filter json jsonl limit",
    "show": "dialect filter json jsonl",
    "grep": "dialect json jsonl limit",  # its filter is an argument
    "timeline": "dialect filter json jsonl",
    "explain": "dialect filter json jsonl",
    "stats": "dialect filter json",
    "tail": "dialect jsonl",
    "doctor": "dialect json jsonl",
    "scan": "dialect json jsonl policy",
    "textconv": "dialect",
    "diff": "dialect filter json jsonl html force policy",
    "report": "dialect filter output force",
    "convert": "dialect output force to",
    "seal": "dialect output force",
    "slice": "dialect filter output force",
    "merge": "dialect output force",
    "recorrelate": "dialect output force",
    "redact": "dialect output force json policy",
    "recover": "output force",
    "migrate": "output force",
    "edit": "output force to",
    "replay": "dialect json policy listen log",
    "drive": "dialect output force json policy",
    "explore": "dialect output json policy",
    "verify": "dialect output force json policy html",
}


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(main, info_name="recorder")
    for name in NAMES:
        command = main.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {sub}", one) for sub, one in command.commands.items())


OPTIONS = [
    pytest.param(name, option, id=f"{name} {option.opts[0]}")
    for name, command in commands()
    for option in command.params
    if isinstance(option, click.Option)
]


def long(option: click.Option) -> str:
    return next(one for one in option.opts if one.startswith("--"))


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_an_option_is_the_same_in_all_commands(name: str, option: click.Option) -> None:
    opts, metavar = OWN.get((name, long(option))) or SHARED.get(long(option), (option.opts, None))

    assert option.opts == opts
    assert metavar is None or option.make_metavar(click.Context(main)) == metavar


@pytest.mark.parametrize("name", READERS)
def test_a_command_that_reads_cassettes_has_the_options_of_its_kind(name: str) -> None:
    has = {long(one).removeprefix("--") for one in dict(commands())[name].params if isinstance(one, click.Option)}

    assert set(READERS[name].split()) <= has


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_an_option_has_a_help_of_a_sentence(name: str, option: click.Option) -> None:
    text = (option.help or "").split("  [env var")[0]

    assert text, name
    assert text[0].isupper() or text.split(":")[0] in option.type.to_info_dict().get("choices", ())
    assert text.endswith("."), text


def test_each_short_form_means_one_option() -> None:
    found: dict[str, set[str]] = {}
    for _, command in commands():
        for option in command.params:
            if isinstance(option, click.Option):
                for short in (one for one in option.opts if not one.startswith("--")):
                    found.setdefault(short, set()).add(long(option))

    assert {short: names for short, names in found.items() if len(names) > 1} == {}
