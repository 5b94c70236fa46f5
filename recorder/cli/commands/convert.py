"""Implement `recorder convert`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

import recorder

from ..loading import opened, policy_of, triples, warn
from ..options import cassette_argument, dialect_option, force_option, output_option
from ..saying import say
from ..writing import must_be_writable, write_text


@dataclass(frozen=True, slots=True)
class _Asked:
    cassette: Path
    dialect: str | None
    base: str


def _har(asked: _Asked) -> Iterator[str]:
    from ...cassette.reader import Located, open_cassette
    from ...exporters.har import har

    with open_cassette(asked.cassette) as cassette:
        text = har(cassette.header, Located(cassette), recorder.__version__)
        head = next(text)  # all records were read once
        warn(cassette.torn)
        yield head
        yield from text


def _mermaid(asked: _Asked) -> Iterator[str]:
    from ...exporters.mermaid import mermaid

    with opened(asked.cassette, asked.dialect) as found:
        yield from _lines(mermaid(found.recording))


def _perfetto(asked: _Asked) -> Iterator[str]:
    from ...exporters.perfetto import trace

    with opened(asked.cassette, asked.dialect) as found:
        yield from trace(found.recording)


def _jsonl(asked: _Asked) -> Iterator[str]:
    from ...views import data

    rows = (data.triple(triple) for triple in triples(asked.cassette, asked.dialect))
    return _lines(json.dumps(row, ensure_ascii=False) for row in rows)


def _curl(asked: _Asked) -> Iterator[str]:
    from ...exporters.curl import curl

    with opened(asked.cassette, asked.dialect) as found:
        yield from _lines(curl(found.recording, asked.base))


def _pytest(asked: _Asked) -> Iterator[str]:
    from ...dialect.carried import dialect_of
    from ...exporters.pytest_suite import skeleton

    with opened(asked.cassette, asked.dialect) as found:
        bayeux = dialect_of(found.recording.header).bayeux_prefix
        yield from skeleton(found.recording, str(asked.cassette.resolve()), bayeux)


_FORMATS: dict[str, Callable[[_Asked], Iterator[str]]] = {
    "har": _har, "mermaid": _mermaid, "perfetto": _perfetto, "jsonl": _jsonl, "curl": _curl, "pytest": _pytest,
}  # fmt: skip


@click.command("convert")
@cassette_argument
@click.option("--to", "target", type=click.Choice(list(_FORMATS)), required=True, help="Format to write.")
@output_option
@click.option("--base", metavar="URL", default="", help="Send the curl requests to this server, not the recorded one.")
@force_option
@dialect_option
def command(
    cassette: Path, *, target: str, output: Path | None, base: str, force: bool, dialect: str | None
) -> None:  # fmt: skip
    """Write a cassette in a format of other tools, to a file or stdout.

    \b
    har       every exchange and WebSocket message, for browsers' developer tools
    mermaid   a sequence diagram, for Markdown
    perfetto  a trace, for ui.perfetto.dev
    jsonl     one triple per line, as in recorder ls --jsonl
    curl      a shell script of the operations
    pytest    a test module that plays the session

    docs/exchange.md lists what each format leaves out.

    \b
    Example:  recorder convert session.cassette --to har -o session.har
              recorder convert session.cassette --to mermaid
              recorder convert session.cassette --to curl --base http://localhost:8090 | sh
    """
    if output is not None:
        must_be_writable(output, force=force)
    text = _FORMATS[target](_Asked(cassette, dialect, base))
    if output is None:
        for part in text:
            click.echo(part.encode("utf-8", "backslashreplace"), nl=False)
        return
    write_text(output, text, force=force, redaction=[policy_of(cassette)])
    say(f"{output}: written")


def _lines(lines: Iterable[str]) -> Iterator[str]:
    return (f"{line}\n" for line in lines)
