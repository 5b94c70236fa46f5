"""Implement `recorder ls`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import NothingSelected, UsageError
from ..loading import expression, fitting, load, triples
from ..options import cassettes_argument, dialect_option, filter_option, json_option, jsonl_option
from ..output import Several, json_list, json_text, screen, write

if TYPE_CHECKING:
    from ...model import Recording, Triple
    from ...views.filter import Expression


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The options that select what to list."""

    dialect: str | None
    limit: int | None
    by: Expression | None


@click.command("ls")
@cassettes_argument
@filter_option
@json_option
@jsonl_option
@click.option(
    "--limit", metavar="N", type=click.IntRange(min=0), help="List only the first N triples of each cassette."
)
@click.option("--all", "everything", is_flag=True, help="List other exchanges and unsolicited events too.")
@dialect_option
def command(
    cassettes: tuple[Path, ...], *, wanted: str | None, as_json: bool, as_lines: bool, limit: int | None,
    everything: bool, dialect: str | None,
) -> None:  # fmt: skip
    """List the triples of cassettes: request, ack, events with their offsets.

    Each cassette is listed as soon as it is read. A narrow screen shows the number of events instead of their names.
    Exit code 5 if nothing is listed; a line on stderr says why a cassette has no triples, and what to do.

    \b
    Example:  recorder ls session.cassette
              recorder ls session.cassette --filter 'op:Get* last:>1000'
              recorder ls session.cassette --json | jq '.[].operation'
    """
    if everything and as_lines:
        raise UsageError("--all gives rows of several kinds, which --jsonl cannot hold; use --json")
    asked = _Wanted(dialect, limit, expression(wanted, dialect, cassettes))
    several = Several()
    if everything:
        write(_everything(cassettes, asked, several, as_json=as_json))
    elif as_json or as_lines:
        write(json_list(_rows(cassettes, asked, several), lines=as_lines, several=several))
    else:
        write(_tables(cassettes, asked, several))
    several.finish(cassettes, wanted)
    if not several.found and limit != 0:  # the reason is on stderr
        raise SystemExit(NothingSelected.exit_code)


def _rows(cassettes: tuple[Path, ...], asked: _Wanted, several: Several) -> Iterator[dict[str, Any]]:
    from ...views import data

    for path in cassettes:
        with several.going_on():
            for triple in triples(path, asked.dialect, asked.limit, asked.by):
                several.found = True
                yield _named(data.triple(triple), path, cassettes)


def _tables(cassettes: tuple[Path, ...], asked: _Wanted, several: Several) -> Iterator[str]:
    from ...views import table

    on = screen()
    for path in cassettes:
        with several.going_on():
            found = list(triples(path, asked.dialect, asked.limit, asked.by))
            several.found |= bool(found)
            if found or asked.by is None:
                yield _heading(path, cassettes) + table.overview(found, on)


def _everything(cassettes: tuple[Path, ...], asked: _Wanted, several: Several, *, as_json: bool) -> Iterator[str]:
    from ...capture.hosts import host_of
    from ...views import data, table

    on = screen()
    rows: dict[str, list[dict[str, Any]]] = {"triples": [], "plain": [], "unsolicited": []}
    for path in cassettes:
        with several.going_on():
            recording = _filtered(load([path], asked.dialect), asked)
            exchanges = [*recording.triples, *recording.plain]
            several.found |= bool(exchanges or recording.unsolicited)
            hosts = len({host_of(one.request.headers) for one in exchanges} - {""}) > 1
            if not as_json:
                yield _heading(path, cassettes) + table.overview(recording.triples, on, hosts=hosts)
                yield table.overview(recording.plain, on, hosts=hosts)
                yield table.unsolicited(recording, on)
                continue
            shown = [_named(_at_host(data.triple(one), one, hosts=hosts), path, cassettes) for one in exchanges]
            rows["triples"] += shown[: len(recording.triples)]
            rows["plain"] += shown[len(recording.triples) :]
            rows["unsolicited"] += [_named(one, path, cassettes) for one in data.unsolicited(recording)]
    if as_json and not (several.code and len(cassettes) == 1):
        yield json_text(rows)


def _filtered(recording: Recording, asked: _Wanted) -> Recording:
    from ...views import data
    from ...views.filter import fits

    pushed = (one for one in recording.unsolicited if asked.by is None or fits(asked.by, data.alone(one)))
    return replace(
        recording,
        triples=tuple(fitting(recording.triples, asked.by))[: asked.limit],
        plain=tuple(fitting(recording.plain, asked.by)),
        unsolicited=tuple(pushed),
    )


def _at_host(row: dict[str, Any], triple: Triple, *, hosts: bool) -> dict[str, Any]:
    """Return the row, with the host of the request if the cassette has several."""
    from ...capture.hosts import host_of

    return {"host": host_of(triple.request.headers), **row} if hosts else row


def _named(row: dict[str, Any], path: Path, cassettes: tuple[Path, ...]) -> dict[str, Any]:
    """Return the row, with the name of its cassette if there are several."""
    return row if len(cassettes) == 1 else {"file": str(path), **row}


def _heading(path: Path, cassettes: tuple[Path, ...]) -> str:
    from ...printable import printable

    return "" if len(cassettes) == 1 else f"{printable(str(path))}:\n"
