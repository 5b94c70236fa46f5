"""What a shell offers on a tab: cassettes, and what is in the one that is named before on the line.

Nothing may go wrong aloud here: what cannot be read offers nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from ..errors import RecorderError

_MOST = 5_000  # triples of a cassette that are looked at: a tab must not wait
_FILES = 20


def cassettes(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files that end in .cassette, and folders to look into."""
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
    """The operations in the cassette that is named before on the line."""
    return [CompletionItem(name) for name in _operations(context) if name.startswith(incomplete)]


def filters(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Keys of the filter language; behind `op:` the operations of the cassette named before, behind `state:` states."""
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
    """Shipped dialects, and TOML files."""
    from ..dialect.definition import names

    return _named(names(), context, parameter, incomplete)


def policies(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Shipped policies, and TOML files."""
    from ..redaction.policy import names

    return _named(names(), context, parameter, incomplete)


def _named(known: list[str], _: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names; else the shell's own way with files."""
    fitting = [CompletionItem(name) for name in known if name.startswith(incomplete)]
    return fitting or [CompletionItem(incomplete, type="file")]


def _operations(context: click.Context) -> list[str]:
    # behind an option without its value click leaves arguments where it found them
    named = [Path(argument) for argument in context.args if Path(argument).is_file()]
    # `grep` names its cassettes after the expression
    paths = named or sorted(Path().glob("*.cassette"))[:_FILES]
    return sorted({name for path in paths for name in _in(path)})


def _in(path: Path) -> Iterator[str]:
    from .loading import triples

    try:
        yield from {triple.operation for triple in triples(path, None, _MOST) if triple.operation}
    except RecorderError:
        return
