"""Derive what an index holds, in one pass over the records: rows of triples, tables beside them, and details."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ...cassette.tables import Rows
from ...model import Event, Header, Note, Record, Recording, Row, Triple, Unsolicited
from .details import Told
from .rows import pushed_of, row_of

if TYPE_CHECKING:
    from ...correlate.engine import Correlator

MEMBER = struct.Struct(">QI")  # exchange (of 64 bits, whatever its sign), record
CARRIER = struct.Struct(">III")  # record, place in it from which on its events are of a client, number of the client
ORDER = struct.Struct(">H")  # number of an order of keys
SORTED = (1 << 16) - 1  # the order of their names
WIDTHS = {"members": MEMBER.size, "carriers": CARRIER.size, "orders": ORDER.size}
_SIGN = (1 << 64) - 1

Entry: TypeAlias = tuple[str, bytes]  # table, entry


class Maker(Protocol):
    """Makes the tables by which a replay finds triples.

    Attributes:
        tables: By name, how many bytes each entry has, and whether the entries are sorted.
    """

    @property
    def tables(self) -> Mapping[str, tuple[int, bool]]: ...

    def feed(self, item: Triple | Unsolicited, place: int) -> Iterable[Entry]:
        """Take the next item of its kind that is final; return what follows from it at once.

        Args:
            item: A triple, an exchange that is no operation, or an unsolicited event.
            place: Its place among those of its kind.
        """

    def finish(self, recording: Recording) -> Iterable[Entry]:
        """Return the other entries; the recording, which is read from what was stored, can be read again."""

    def close(self) -> None:
        """Delete temporary files; safe to call twice."""


class Sink(Protocol):
    """Takes rows, and entries of tables."""

    def row(self, row: Row) -> None:
        """Take the next triple, or an exchange that is no operation."""

    def unsolicited(self, row: list[Any]) -> None:
        """Take the next unsolicited event."""

    def table_of(self, name: str, width: int, *, is_sorted: bool = False) -> Rows:
        """Begin a table."""


class Derivation:
    """One pass over the records of a cassette, with a fresh correlator."""

    def __init__(
        self,
        correlator: Correlator,
        sink: Sink,
        maker: Maker | None = None,
        *,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Begin; what is derived goes to `sink`, and to `maker`.

        Args:
            correlator: Fresh.
            sink: Takes rows, and entries of tables.
            maker: Makes further tables, if any.
            is_wanted: Returns whether these tables are to be stored. Until then `maker` is given nothing.
        """
        self._correlator, self._sink, self._maker, self._is_wanted = correlator, sink, maker, is_wanted
        self._waiting: list[tuple[Triple | Unsolicited, str]] = []
        self._members = sink.table_of("members", MEMBER.size, is_sorted=True)
        self._carriers = sink.table_of("carriers", CARRIER.size, is_sorted=True)
        self._order = sink.table_of("orders", ORDER.size)
        made = maker.tables if maker is not None else {}
        self._made = {
            name: sink.table_of(name, width, is_sorted=is_sorted) for name, (width, is_sorted) in made.items()
        }
        self._places = {"triples": 0, "exchanges": 0, "unsolicited": 0}
        self._orders: dict[tuple[str, ...], int] = {}
        self._clients: dict[str, int] = {}
        self._heard: dict[str, set[str]] = defaultdict(set)
        self._last: tuple[int, str] | None = None
        correlator.listen(self._carried)

    def feed(self, record: Record) -> None:
        """Take the next record."""
        if not isinstance(record, Note):
            self._members.add(MEMBER.pack(record.exchange & _SIGN, record.seq))
        correlator = self._correlator
        correlator.feed(record)
        if correlator.has_final:
            self._take(correlator.triples(), correlator.plain(), correlator.unsolicited())

    def finish(self, header: Header) -> Recording:
        """End the pass; return what was derived beside triples, other exchanges and unsolicited events."""
        rest = self._correlator.finish(header)
        self._take(rest.triples, rest.plain, rest.unsolicited)
        return rest

    def told(self) -> Told:
        """Return what the tables name by numbers."""
        widths = {name: rows.width for name, rows in self._made.items()}
        orders = [list(names) for names, number in self._orders.items() if number < SORTED]
        heard = {label: sorted(self._clients[one] for one in found) for label, found in sorted(self._heard.items())}
        return Told(list(self._clients), orders, widths, heard)

    def made(self, recording: Recording) -> None:
        """Let the maker finish its tables from the recording, which can be read now."""
        for name, entry in self._maker.finish(recording) if self._maker is not None else ():
            self._made[name].add(entry)

    def close(self) -> None:
        """Let the maker delete its temporary files."""
        if self._maker is not None:
            self._maker.close()

    def _take(self, triples: Iterable[Triple], plain: Iterable[Triple], pushed: Iterable[Unsolicited]) -> None:
        for triple in triples:
            self._sink.row(row_of(triple))
            number = self._orders.setdefault(tuple(triple.keys), min(len(self._orders), SORTED))
            self._order.add(ORDER.pack(number))
            if triple.session is not None:
                self._heard[triple.session].update([link.event.client_id for link in triple.events])
            self._feed(triple, "triples")
        for triple in plain:
            self._sink.row(row_of(triple))
            self._feed(triple, "exchanges")
        for one in pushed:
            self._sink.unsolicited(pushed_of(one))
            if one.session is not None:
                self._heard[one.session].add(one.event.client_id)
            self._feed(one, "unsolicited")

    def _feed(self, item: Triple | Unsolicited, kind: str) -> None:
        if self._maker is None:
            return
        self._waiting.append((item, kind))
        if self._is_wanted():
            for one, its in self._waiting:
                for name, entry in self._maker.feed(one, self._places[its]):
                    self._made[name].add(entry)
                self._places[its] += 1
            self._waiting.clear()

    def _carried(self, event: Event) -> None:
        """Take an event as it is decoded: which client it is for, if that is not told by the event before it."""
        at = event.seq, event.client_id
        if at != self._last:
            self._last = at
            number = self._clients.setdefault(event.client_id, len(self._clients))
            self._carriers.add(CARRIER.pack(event.seq, event.index, number))


def member_prefix(exchange: int) -> bytes:
    """Return how the entries of an exchange begin in the table `members`."""
    return (exchange & _SIGN).to_bytes(8, "big")
