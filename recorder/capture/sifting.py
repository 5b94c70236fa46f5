"""Remove the hosts without an API from a capture that has ended, in which all hosts were recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from ..cassette.codec import encode, encode_header
from ..cassette.reader import OpenCassette, open_cassette
from ..dialect.definition import Dialect
from ..model import IN_CLEAR, Header, Note, Record
from ..output import replacing
from ..printable import counted
from .hosts import NOT_RECORDED, ApiHosts, same_host, without

_SHOWN = 10  # hosts


@dataclass(frozen=True, slots=True)
class Sifted:
    """The result for a capture.

    Attributes:
        removed: Numbers of removed exchanges by host.
        has_api: Whether any host has an API; without one nothing is removed.
        hosts: Number of hosts in the capture.

    """

    removed: Counter[str]
    has_api: bool
    hosts: int

    def lines(self) -> Iterator[str]:
        """Yield what to tell the user."""
        if self.removed:
            named = [f"{host} ({count})" for host, count in self.removed.most_common(_SHOWN)]
            more = len(self.removed) - len(named)
            yield f"{_counted(self.removed)}: {', '.join(named)}{f' and {more} more' * (more > 0)}; --host keeps a host"
        elif not self.has_api and self.hosts > 1:
            yield f"no host has an API (Bayeux, push, operations), so all {self.hosts} are kept; --host names yours"


def sift(
    parts: Sequence[Path],
    dialect: Dialect,
    begun: int = 0,
    *,
    about: Mapping[tuple[int, int], str] = MappingProxyType({}),
    known: Callable[[str], Iterable[str]] = lambda _: (),
) -> Sifted:
    """Rewrite the files of a capture without the exchanges of hosts that belong to no API, and without notes on them.

    Args:
        parts: The files, in order.
        dialect: The dialect of the capture: a host with an operation of this dialect has an API.
        begun: Number of the first exchange that may be removed; those before it are of an earlier capture.
        about: The hosts that notes are about, by index of the file and number of the record.
        known: Returns the pseudonyms of secrets that stand in a text in the clear.

    Raises:
        CassetteError: If a file cannot be read.
        OutputError: If a file cannot be written; the old one is unchanged.

    """
    with ExitStack() as files:
        opened = [files.enter_context(open_cassette(part)) for part in parts]
        hosts = ApiHosts(dialect, known)
        for cassette in opened:
            for record in cassette.records():
                hosts.feed(record)
        kept = hosts.kept()
        gone = {number: host for number, host in hosts.exchanges.items() if number >= begun and host not in kept}
        names = set(map(same_host, kept))
        notes = {at: place for at, place in about.items() if hosts.has_api and same_host(place) not in names}
        removed = Counter(gone.values())
        removed.update(dict.fromkeys({*map(same_host, notes.values())} - {*map(same_host, removed)}, 0))
    for index, part in enumerate(parts if removed else ()):
        told = _counted(removed) if part == parts[-1] else None
        left_out = frozenset(number for at, number in notes if at == index)
        _rewrite(part, frozenset(gone), left_out, told)
    return Sifted(removed, hosts.has_api, len(set(hosts.exchanges.values()) - {""}))


def _counted(removed: Counter[str]) -> str:
    """Return how much was removed; the names of hosts that a user visited besides are nobody's business later."""
    exchanges, hosts = removed.total(), len(removed)
    return (
        f"{counted(exchanges, 'exchange')} with "
        f"{counted(hosts, 'other host, which belongs', 'other hosts, which belong')} to no API, removed"
    )


def _fewer(cassette: OpenCassette, gone: Container[int]) -> Header:
    """Return the header of a file without some exchanges: records that repeat earlier parts may be among them."""
    header = cassette.header
    if header.part is None:
        return header
    first = islice(cassette.records(), header.part.repeated)
    repeated = sum(isinstance(record, Note) or record.exchange not in gone for record in first)
    return replace(header, part=replace(header.part, repeated=repeated))


def _rewrite(path: Path, gone: frozenset[int], left_out: frozenset[int], told: str | None) -> None:
    with open_cassette(path) as cassette:
        header = _fewer(cassette, gone)
    is_private = header.redaction in IN_CLEAR
    # the old file is closed before the new one takes its place: Windows replaces no open file
    with replacing(path, force=True, like=[path], private=is_private) as file, open_cassette(path) as cassette:
        records = without(cassette.records(), gone, left_out)
        file.write(encode_header(header))
        for record in records if told is None else _with_note(records, told):
            file.write(encode(record))


def _with_note(records: Iterable[Record], text: str) -> Iterator[Record]:
    """Yield records with a note before the last one, which tells the clean end."""
    rest = iter(records)
    last = next(rest, None)
    for record in rest:
        if last is not None:
            yield last
        last = record
    if last is not None:
        yield Note(last.seq, last.t, NOT_RECORDED, text)
        yield replace(last, seq=last.seq + 1)
