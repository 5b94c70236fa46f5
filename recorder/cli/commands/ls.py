"""Implement `recorder ls`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import NothingSelected, UsageError
from ..loading import chosen, expression, fitting, opened, triples
from ..options import cassettes_argument, dialect_option, filter_option, json_option, jsonl_option, limit_option
from ..output import Lines, Several, all_or_none, json_list, json_object, screen, write

if TYPE_CHECKING:
    from ...library.lazy import OpenRecording
    from ...model import Recording, Triple, Unsolicited
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
@limit_option
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
            found = triples(path, asked.dialect, asked.limit, asked.by)
            first = list(islice(found, 1))
            several.found |= bool(first)
            if first or asked.by is None:
                yield _heading(path, cassettes)
                yield from table.overview(chain(first, found), on)


def _everything(cassettes: tuple[Path, ...], asked: _Wanted, several: Several, *, as_json: bool) -> Iterator[str]:
    from ...views import table

    if as_json:
        yield from _everything_as_json(cassettes, asked, several)
        return
    on = screen()
    for path in cassettes:
        with several.going_on(), opened(path, asked.dialect) as found:
            recording = found.recording
            own, plain = chosen(found, asked.by), _plain(recording, asked)
            hosts = _has_hosts(found, asked)
            yield _heading(path, cassettes)
            yield from table.overview(several.finding(islice(own, asked.limit)), on, hosts=hosts)
            yield from table.exchanges(several.finding(plain), on, hosts=hosts)
            yield from table.unsolicited(several.finding(_pushed(recording, asked)), on)


def _everything_as_json(cassettes: tuple[Path, ...], asked: _Wanted, several: Several) -> Iterator[str]:
    """Yield one JSON object with the triples of all cassettes, then the other exchanges, then the events."""
    from ...views import data

    with ExitStack() as stack:
        parts = {name: stack.enter_context(Lines()) for name in ("triples", "plain", "unsolicited")}
        for path in cassettes:
            with several.going_on(), opened(path, asked.dialect) as found, all_or_none(parts.values()):
                recording, hosts = found.recording, _has_hosts(found, asked)
                exchanges = islice(chosen(found, asked.by), asked.limit), fitting(recording.plain, asked.by)
                for name, every in zip(("triples", "plain"), exchanges, strict=True):
                    for one in several.finding(every):
                        parts[name].add(_named(_at_host(data.triple(one), one, hosts=hosts), path, cassettes))
                pushed = (one for _, one in _pushed(recording, asked))
                for row in data.unsolicited(several.finding(pushed)):
                    parts["unsolicited"].add(_named(row, path, cassettes))
        if not (several.code and len(cassettes) == 1):
            yield from json_object(parts)


def _has_hosts(found: OpenRecording, asked: _Wanted) -> bool:
    """Return whether the exchanges that are listed are of several hosts."""
    from ...capture.hosts import host_of

    known: set[str] = set()
    for one in chain(islice(chosen(found, asked.by), asked.limit), fitting(found.recording.plain, asked.by)):
        known.add(host_of(one.request.headers))
        if len(known - {""}) > 1:
            return True
    return False


def _plain(recording: Recording, asked: _Wanted) -> Iterator[tuple[str, Triple]]:
    """Yield the exchanges that are no operation, each with the name that `recorder show` takes."""
    from ...views.fitting import accepting

    fits = accepting(asked.by) if asked.by is not None else None
    return ((f"p{n}", one) for n, one in enumerate(recording.plain, 1) if fits is None or fits(one))


def _pushed(recording: Recording, asked: _Wanted) -> Iterator[tuple[int, Unsolicited]]:
    """Yield the unsolicited events, each with the number that `recorder show` and `recorder explain` take."""
    from ...views import data
    from ...views.filter import fits

    every = enumerate(recording.unsolicited, 1)
    return ((n, one) for n, one in every if asked.by is None or fits(asked.by, data.alone(one)))


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
