"""Open a cassette as a recording whose triples are read when they are asked for.

The facts stay in the file. What is derived from them stands in an index: that of a sealed file, or one that is built in
one pass into temporary files. So memory does not grow with the cassette.

What a sealed file stores is a cache. It is used if it was derived by the rules of this version and by the dialect that
the cassette is read by; else everything is derived anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeAlias

from ..bayeux.channels import HANDSHAKE
from ..bayeux.messages import carried
from ..bayeux.replies import offered
from ..cassette import codec
from ..cassette.frames import Frame
from ..cassette.index import DIGEST
from ..cassette.packing import MOST_SESSIONS
from ..cassette.reader import OpenCassette, open_cassette
from ..cassette.tables import ADDRESS, Table
from ..dialect.carried import dialect_of, under
from ..dialect.definition import Dialect
from ..errors import CassetteError, RecorderError
from ..model import RULES, AnchorKind, Header, Record, Recording, Request, Row, Triple
from .index.built import Built
from .index.deriving import WIDTHS, Derivation, Maker
from .index.details import Told, recording_of
from .index.lookup import Index, Records, Triples
from .sequences import Lazy

Making: TypeAlias = Callable[[Dialect, Header], Maker | None]
_ADDRESSES = ("records", "triples", "exchanges", "unsolicited", "details")


class LazyTriples(Lazy[Triple]):
    """Triples, or other exchanges, that are read when they are asked for."""

    def __init__(
        self,
        count: int,
        item: Callable[[int], Triple],
        request: Callable[[int], Request],
        ended: Callable[[], None] | None = None,
    ) -> None:
        """Take what `Lazy` does, and what returns the request of a triple alone."""
        super().__init__(count, item, ended)
        self.request = request


class Stored:
    """The index in a sealed cassette.

    Attributes:
        widths: Bytes of an entry of further tables, as the details of the recording tell them.
    """

    def __init__(self, cassette: OpenCassette) -> None:
        """Take a sealed cassette with an index."""
        self._cassette, self._window = cassette, cassette.window()
        self.widths = WIDTHS | dict.fromkeys(_ADDRESSES, ADDRESS.size) | {"digests": DIGEST}

    def table(self, name: str) -> Table:
        """Return a table; an empty one if there is none of that name."""
        return self._cassette.table(name if name in self.widths else "", self.widths.get(name, 1))

    def frame(self, address: int) -> Frame:
        """Return the frame at an address."""
        return self._cassette.at(address, self._window)

    def kept(self, address: int) -> Row | None:  # noqa: ARG002  # as `Index` has it
        """Return None: what is stored is never larger than a frame may be."""
        return None

    def summary(self) -> dict[str, Any]:
        """Return the summary; an empty one if the index does not know its place, as before there were details."""
        entries = self.table("details")
        frame = self.frame(ADDRESS.unpack(entries[0])[0]) if len(entries) else None
        value = codec.decode_value(frame, path=self._cassette.path) if frame and frame.kind == codec.SUMMARY else None
        return value if isinstance(value, dict) else {}

    def details(self) -> Iterator[tuple[str, str]]:
        """Yield the details of the recording.

        Raises:
            CassetteError: If one of them is damaged.
        """
        for place in range(1, len(self.table("details"))):
            frame = self.frame(ADDRESS.unpack(self.table("details")[place])[0])
            yield codec.decode_detail(frame, path=self._cassette.path)

    def close(self) -> None:
        """Do nothing: the index is closed with the cassette."""


class OpenRecording:
    """A recording of a cassette that is open; use it as a context manager, or call `close`.

    Attributes:
        recording: The recording; its triples, other exchanges and unsolicited events can be read until `close`.
        cassette: The cassette, open.
        torn: The torn tail of a journal, None where the file ends cleanly.
        records: Looks up records by number.
        is_stored: Whether the triples are those that the file stores, not derived on opening.
        heard: The clients that got events of a session, those of its triples too, by its label.
        stale: Why the triples were derived although a large file stores some; "" if they were not, or need not say.
    """

    def __init__(
        self, cassette: OpenCassette, index: Stored | Built, bare: Recording, told: Told, rules: Dialect
    ) -> None:
        """Take ownership of the cassette and the index; `open_recording` calls this."""
        self._index = index
        self.cassette, self.torn, self.is_stored = cassette, cassette.torn, isinstance(index, Stored)
        self.stale, self.heard = "", {label: {told.clients[n] for n in heard} for label, heard in told.heard.items()}
        self._is_verified = not self.is_stored  # else the file was read through
        self.records, self._triples, self.recording = lazily(cassette, index, bare, told, rules, ended=self.verify)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing more can be read. Safe to call twice."""
        self.cassette.close()
        self._index.close()

    def row(self, n: int) -> Row:
        """Return triple number `n`, from 1, in its stored form, which names records by number.

        Raises:
            CassetteError: If there is no such triple, or it is damaged.
        """
        return self._triples.row(n)

    def pushed(self) -> Iterator[tuple[int, int, str, str, str | None]]:
        """Yield the unsolicited events in their stored form: record, place in it, channel, name, session."""
        return map(self._triples.pushed, range(len(self.recording.unsolicited)))

    def rows(self) -> Iterator[Row]:
        """Yield all triples in their stored form, in order.

        Raises:
            CassetteError: If one of them is damaged, or, at the end, the checksum of the file is wrong.
        """
        yield from map(self.row, range(1, len(self.recording.triples) + 1))
        self.verify()

    def verify(self) -> None:
        """Compare the checksum of a file whose stored triples are used; whoever iterates to the end does so unasked.

        Raises:
            CassetteError: If the checksum is wrong.
        """
        if not self._is_verified:
            self.cassette.verify()
            self._is_verified = True

    def find(self, name: str, value: str) -> list[int]:
        """Return the numbers of the triples that may have a key, `operation` or `channel`, in order.

        Two keys may share a hash, so the caller must compare the keys of each triple.
        """
        if self.is_stored:
            return self.cassette.find(name, value)
        return [row.n for row in self.rows() if (name, value) in row.index_keys()]


def open_recording(
    path: Path,
    dialect: Dialect | None = None,
    making: Making | None = None,
    watch: Callable[[Record], None] | None = None,
) -> OpenRecording:
    """Open the recording of a cassette by `dialect`, or by its own; its triples are read when they are asked for.

    Args:
        path: The cassette.
        dialect: Rules to read it by; None takes its own.
        making: Returns what makes the tables of a replay, where they are not stored; None makes none.
        watch: Called with each record, where all of them must be read; for a display.

    Raises:
        CassetteError: If the file cannot be read or is damaged, or the dialect in it cannot be used.
        DialectError: If the cassette holds no dialect, and names one that is not shipped.
    """
    with _opening(path) as cassette:
        header = cassette.header if dialect is None else under(cassette.header, dialect)
        rules = dialect or _own(cassette)
        stale = ""
        with suppress(CassetteError):  # whoever reads the facts tells of a file that is cut off
            if cassette.has_index:
                stored = Stored(cassette)
                stale = "its index is damaged"
                if not (why := _stale(stored, rules)):
                    return _stored(cassette, stored, header, rules)
                stale = why
        found = _derived(cassette, rules, header, making(rules, header) if making is not None else None, watch)
        found.stale = stale
    return found


def open_stored(path: Path, dialect: Dialect | None = None) -> OpenRecording | None:
    """Open the recording of a sealed cassette by its stored triples; None if none of this dialect are stored.

    Args:
        path: The cassette.
        dialect: Rules to read it by; None takes its own.

    Raises:
        CassetteError: If the file cannot be read or is damaged, or the dialect in it cannot be used.
        DialectError: If the cassette holds no dialect, and names one that is not shipped.
    """
    with _opening(path) as cassette:
        header = cassette.header if dialect is None else under(cassette.header, dialect)
        rules = dialect or dialect_of(header)
        if cassette.has_index and not _stale(stored := Stored(cassette), rules):
            return _stored(cassette, stored, header, rules)
    cassette.close()
    return None


@contextmanager
def _opening(path: Path) -> Iterator[OpenCassette]:
    """Open a cassette that stays open behind the block, unless the block fails."""
    cassette = open_cassette(path)
    try:
        yield cassette
    except BaseException:
        cassette.close()
        raise


def lazily(
    cassette: OpenCassette,
    index: Index,
    bare: Recording,
    told: Told,
    dialect: Dialect,
    *,
    ended: Callable[[], None] | None = None,
) -> tuple[Records, Triples, Recording]:
    """Return what looks up records and triples, and the recording whose sequences do so.

    Args:
        cassette: The cassette that holds the records.
        index: The index.
        bare: The recording without triples, other exchanges and unsolicited events.
        told: What the tables name by numbers.
        dialect: The rules by which the triples were derived.
        ended: Called when one of the sequences was iterated to its end.
    """
    records = Records(cassette, index)
    if not bare.connection_types:  # details do not tell them
        bare = replace(bare, connection_types=_offered(bare, records))
    found = Triples(records, bare.streams, told, dialect)
    count = {name: len(index.table(name)) for name in ("triples", "exchanges", "unsolicited")}
    recording = replace(
        bare,
        triples=LazyTriples(count["triples"], found.triple, partial(found.request, "triples"), ended),
        plain=LazyTriples(count["exchanges"], found.plain, partial(found.request, "exchanges"), ended),
        unsolicited=Lazy(count["unsolicited"], found.unsolicited, ended),
        index=index,
    )
    return records, found, recording


def _offered(bare: Recording, records: Records) -> tuple[str, ...]:
    """Return the connection types in the reply to the first handshake; none if it is damaged."""
    start = next((one.at for one in bare.messages if one.kind is AnchorKind.START), None)
    with suppress(CassetteError):
        replies = [] if start is None else carried(records.whole(start[0])) or []
        return next((offered(one) for one in replies if one["channel"] == HANDSHAKE and one.get("successful")), ())
    return ()


def summary_of(bare: Recording, dialect: Dialect) -> dict[str, Any]:
    """Return the summary of a file with an index.

    A reader takes so many sessions and no more; the details, by which a recording is read, hold all of them.
    """
    starts = islice(sorted(bare.session_starts.items()), MOST_SESSIONS)
    sessions = {label: list(at) for label, at in starts}
    timeout = None if bare.poll_timeout is None else round(bare.poll_timeout * 1000)
    return {"poll_timeout": timeout, "sessions": sessions} | fresh(dialect)


def fresh(dialect: Dialect) -> dict[str, Any]:
    """Return what the summary says of the rules by which the stored triples were derived."""
    return {"rules": RULES, "dialect_sha256": sha256(dialect.text.encode("utf-8", "surrogatepass")).digest()}


def _stale(stored: Stored, rules: Dialect) -> str:
    """Return why the stored triples cannot be used; "" if they can."""
    summary, wanted = stored.summary(), fresh(rules)
    if "rules" not in summary:
        return "its stored triples have no version of the rules"
    if summary["rules"] != wanted["rules"]:
        return "its stored triples were derived by another version of the rules"
    if codec.as_bytes(summary.get("dialect_sha256")) != wanted["dialect_sha256"]:
        return "its stored triples were derived by another dialect"
    if len(stored.table("digests")) != sum(len(stored.table(name)) for name in ("triples", "exchanges", "unsolicited")):
        return "its index is damaged"
    return ""


def _stored(cassette: OpenCassette, stored: Stored, header: Header, rules: Dialect) -> OpenRecording:
    bare = Recording(header, (), (), (), {}, None)
    recording, told = recording_of(stored.details(), bare, cassette.path)
    stored.widths |= told.widths
    return OpenRecording(cassette, stored, recording, told, rules)


def _derived(
    cassette: OpenCassette,
    rules: Dialect,
    header: Header,
    maker: Maker | None,
    watch: Callable[[Record], None] | None,
) -> OpenRecording:
    from ..correlate.engine import Correlator  # noqa: PLC0415  # stored triples need none, and it takes 0.1 s to import

    built = Built(cassette.path)
    derivation = Derivation(Correlator(rules, file=cassette.path), built, maker)
    try:
        for record, address in cassette.placed():
            built.record(address)
            derivation.feed(record)
            if watch is not None:
                watch(record)
        bare = replace(derivation.finish(header), triples=(), plain=(), unsolicited=())
        built.finish("records", "triples", "exchanges", "unsolicited", *WIDTHS)
        found = OpenRecording(cassette, built, bare, derivation.told(), rules)
        derivation.made(found.recording)
        built.finish()
    except BaseException:
        built.close()
        raise
    finally:
        derivation.close()
    return found


def _own(cassette: OpenCassette) -> Dialect:
    """Return the dialect of a cassette; damage of the cassette is told before a dialect that cannot be used."""
    try:
        return dialect_of(cassette.header)
    except RecorderError:
        deque(cassette.records(), maxlen=0)
        raise
