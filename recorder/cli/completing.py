"""Complete words on the command line in a shell: cassettes, and names from the cassette that is already on the line.

A completion must not print errors into the user's line: files that cannot be read give no completions.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from ..errors import RecorderError

_MOST = 5_000  # triples read per cassette, so that a completion stays fast
_FILES = 20  # cassettes read if the line names none yet


def cassettes(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete files that end in .cassette, and folders."""
    typed = Path(incomplete)
    folder = typed if incomplete.endswith("/") or not incomplete else typed.parent
    try:
        entries = sorted(folder.expanduser().iterdir())
    except OSError:
        return []
    offered = []
    for entry in entries:
        shown = str(folder / entry.name)
        if entry.name.startswith(".") or not shown.startswith(incomplete.removeprefix("./")):
            continue
        if entry.is_dir():
            offered.append(CompletionItem(f"{shown}/"))
        elif entry.suffix == ".cassette":
            offered.append(CompletionItem(shown))
    return offered


def operations(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete operations of the cassette that is already on the line."""
    return [CompletionItem(name) for name in _operations(context) if name.startswith(incomplete)]


def filters(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a filter: keys; after `op:` the operations of the cassette on the line; after `state:` the states."""
    from ..model import State
    from ..views.filter import NUMBER_KEYS, TEXT_KEYS

    before, space, term = incomplete.rpartition(" ")
    key, colon, _value = term.partition(":")
    if not colon:
        offered = [f"{name}:" for name in ("op", "ref", *TEXT_KEYS, *NUMBER_KEYS)]
    elif key.lstrip("-") in ("op", "operation"):
        offered = [f"{key}:{name}" for name in _operations(context)]
    elif key.lstrip("-") == "state":
        offered = [f"{key}:{state.value}" for state in State]
    else:
        offered = []
    return [CompletionItem(before + space + one) for one in offered if one.startswith(term)]


def dialects(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete names of shipped dialects, or files."""
    from ..dialect.definition import names

    return _named(names(), context, parameter, incomplete)


def policies(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete names of shipped policies, or files."""
    from ..redaction.policy import names

    return _named(names(), context, parameter, incomplete)


def queries(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete names of shipped queries, each with its sentence."""
    from ..fleet.query.shipped import load, names

    return [CompletionItem(name, help=load(name).about) for name in names() if name.startswith(incomplete)]


def _named(known: list[str], _: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names that fit; without one, a request for the shell's own completion of files."""
    fitting = [CompletionItem(name) for name in known if name.startswith(incomplete)]
    return fitting or [CompletionItem(incomplete, type="file")]


def _operations(context: click.Context) -> list[str]:
    # while an option lacks its value, click has not parsed the arguments: they are in `context.args`
    named = [Path(argument) for argument in context.args if Path(argument).is_file()]
    # `grep EXPR FILE...`: no cassette is on the line while the expression is typed
    paths = named or sorted(Path().glob("*.cassette"))[:_FILES]
    return sorted({name for path in paths for name in _in(path)})


def _in(path: Path) -> Iterator[str]:
    from ..cassette.reader import open_cassette
    from ..library.stored import triples

    try:
        with open_cassette(path) as cassette:
            found = islice(triples(cassette), _MOST)
            yield from {triple.operation for triple in found if triple.operation}
    except RecorderError:
        return
