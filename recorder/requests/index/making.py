"""Index a recording for replays: rows of its requests and of its unasked events, and what is known of the whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from ...correlate.anchors import anchoring, anchors, endings, only_session
from ...correlate.ordering import asked
from ...dialect.definition import Dialect
from ...links.cookies import ends as has_end
from ...links.rewriting import Links, asked_server, servers
from ...model import AnchorKind, Entries, Headers, Recording, Triple, Unsolicited
from ...redaction.policy import Policy
from ..asked import AskedLinks
from ..recent import Recent
from ..recorded import RecordedReader
from ..remembered import Memory
from ..request import Tried
from ..shown import HeaderValues
from .asked import Asked, AskedTriples
from .rows import (
    ANCHORS,
    END,
    EVENT,
    IS_SORTED,
    REPLY,
    REQUESTS,
    SUMMARY,
    VERSION,
    WIDTH,
    AnchorRow,
    MemoryTable,
    RequestRow,
    StoredSummary,
    chunks,
    group_of,
    path_digest,
    recorded_path,
    summary_in,
)
from .streams import ends
from .whole import Whole
from .windows import copies_by_session

_REMEMBERED = 1_000  # requests while an index is made: equal ones stand near each other

Entry: TypeAlias = tuple[str, bytes]  # name of a table, and an entry of it


class _Numbers(dict[Any, int]):
    """Numbers for values in the order in which they come; 0 is for None."""

    def __missing__(self, value: object) -> int:
        number = self[value] = 0 if value is None else len(self) + (None not in self)
        return number

    def values_in_order(self) -> list[Any]:
        """Return all values; the first is that of number 0."""
        return [None, *(value for value in self if value is not None)]


class IndexMaker:
    """Makes the index of one recording: feed it all, then take the entries."""

    def __init__(
        self,
        dialect: Dialect,
        policy: Policy | None = None,
        *,
        links: bool = True,
        is_spooled: bool = True,
        folder: Path | None = None,
    ) -> None:
        """Begin with nothing seen.

        Args:
            dialect: Says where ids stand.
            policy: The policy that redacted the recording, if any did.
            links: Compare requests as if they named all recorded servers by one origin.
            is_spooled: Keep the requests for the second pass in a temporary file; else the recording is in memory.
            folder: Folder of that file; None takes the system's.
        """
        self._dialect, self._policy, self._has_links = dialect, policy, links
        self._asked = (Asked(folder), Asked(folder)) if is_spooled else None  # of triples, of other exchanges
        self._whole = Whole(dialect)
        self._memory = None if policy is None else Memory(policy)
        self._headers = None if policy is None else HeaderValues(policy)
        self._cookies: set[str] = set()  # those that were set with a last day, as `name=value`

    @property
    def tables(self) -> Mapping[str, tuple[int, bool]]:
        """The width of the entries of each table, and if they are to be sorted."""
        return {name: (width, IS_SORTED[name]) for name, width in WIDTH.items()}

    def feed(self, item: Triple | Unsolicited, place: int) -> Iterable[Entry]:
        """Take a triple, another exchange or an unsolicited event; `place` is that among those of its kind."""
        if isinstance(item, Unsolicited):
            self._whole.unsolicited(item)
            if self._memory is not None:
                self._memory.event(item.event.channel, item.event.data)
            return ()
        self._whole.exchange(item, place)
        if self._memory is not None and self._headers is not None:
            self._memory.exchange(item)
            self._headers.learn(item.request.headers)
        if self._asked is not None:
            self._asked[not item.n].add(item)
        for name, value in () if item.ack is None else item.ack.headers:
            if name.lower() == "set-cookie":
                pair, *attributes = value.split(";")
                if has_end(attributes):
                    self._cookies.add(pair.strip())
        return ()

    def finish(self, recording: Recording) -> Iterator[Entry]:
        """Yield the entries of all tables, after a second pass over the recording."""
        if self._asked is not None:
            triples, plain = map(AskedTriples, (recording.triples, recording.plain), self._asked)
            recording = replace(recording, triples=triples, plain=plain)
        yield from self._finished(recording)
        self.close()

    def close(self) -> None:
        """Delete the temporary files."""
        for requests in self._asked or ():
            requests.close()

    def _finished(self, recording: Recording) -> Iterator[Entry]:
        if self._memory is not None:
            for message in recording.messages:
                self._memory.event(message.name, message.data)
        for reply in recording.replies:
            self._whole.foreign.told(reply.message, reply.pushed)
        links = AskedLinks(recording.header, Links(servers(recording, self._whole.answered)))
        second = _Requests(self._dialect, self._policy, self._memory, links if self._has_links else None, self._cookies)
        for place, triple in enumerate(chain(asked(recording.triples), asked(recording.plain))):
            yield REQUESTS, second.row(place, triple, recording)
        names: dict[str, int] = {"": 0}
        repeats: dict[str, list[str]] = {}
        after_exchanges = False
        for row in _anchored(recording):
            anchor = row.anchor
            after_exchanges |= anchor.kind is AnchorKind.EXCHANGE
            if row.anchor.repeats:
                repeats[str(row.number)] = list(anchor.repeats)
            name = "" if anchor.place is not None else anchor.name
            yield ANCHORS, row.packed(names.setdefault(name, len(names)))
        first = len(recording.triples)
        logins = [*self._whole.logins[0], *(place + first for place in self._whole.logins[1])]
        summary = self._whole.values() | second.summary(self._headers) | {
            "stamp": stamp(self._dialect, self._policy, links=self._has_links),
            "logins": logins,
            "has_links": links.are_there,
            "names": list(names),
            "repeats": repeats,
            "after_exchanges": after_exchanges,
        }  # fmt: skip
        yield from ((SUMMARY, chunk) for chunk in chunks(summary))


@dataclass(slots=True)
class _Requests:
    """Makes the rows of requests, in a second pass over a recording."""

    dialect: Dialect
    policy: Policy | None
    memory: Memory | None
    asked: AskedLinks | None
    cookies: set[str]
    reader: RecordedReader = field(init=False)
    sessions: _Numbers = field(default_factory=_Numbers)
    hosts: _Numbers = field(default_factory=_Numbers)
    operations: _Numbers = field(default_factory=_Numbers)
    masks: _Numbers = field(default_factory=_Numbers)
    tried: dict[Tried, None] = field(default_factory=dict)
    values: set[str] = field(default_factory=set)
    seen: Recent[Headers, int] = field(default_factory=partial(Recent, _REMEMBERED))
    last_shown: dict[str, int] = field(default_factory=dict)
    streams: list[list[Any]] = field(default_factory=list)
    is_odd: bool = False
    opening: frozenset[int] | None = None

    def __post_init__(self) -> None:
        self.reader = RecordedReader(self.dialect, self.policy, self.memory, _REMEMBERED)

    def row(self, place: int, triple: Triple, recording: Recording) -> bytes:
        request = triple.request
        if self.opening is None:
            self.opening = frozenset(stream.exchange for stream in recording.streams)
        if request.exchange in self.opening and request.message is None:
            self.streams.append([place, request.exchange, request.method, request.target.partition("?")[0]])
        prefix = self.dialect.bayeux_prefix
        if prefix and not triple.n and request.target.partition("?")[0].startswith(prefix):
            self.is_odd = True
        if request.message is None and self.cookies:
            self._show(triple)
        named = triple if self.asked is None else self.asked.named(triple)
        read = self.reader.read(named.request)
        mask = () if read.remembered is None else read.remembered.mask
        if read.tried is not None and read.remembered is not None:
            self.tried[read.tried] = None
            for text in read.remembered.texts:
                self.values.update(text.values)
        return RequestRow(
            read.request.key,
            self.sessions[triple.session],
            place,
            read.request.id,
            self.masks[mask or None],
            self._host(request.headers),
            self.operations[read.operation],
            path_digest(recorded_path(named.request.target), mask),
        ).packed()

    def _host(self, headers: Headers) -> int:
        number = self.seen.get(headers)
        if number is None:  # most headers are those of an earlier request
            host = asked_server(headers)
            number = self.hosts[host] if host is not None else 0
            self.seen.put(headers, number)
        return number

    def _show(self, triple: Triple) -> None:
        for name, value in triple.request.headers:
            if name.lower() == "cookie":
                for pair in value.split(";"):
                    if pair.strip() in self.cookies:
                        self.last_shown[pair.strip()] = triple.request.seq

    def summary(self, headers: HeaderValues | None) -> dict[str, Any]:
        """Return what the rows refer to by numbers, and what was found beside them."""
        wanted = sorted(self.values)
        kinds = {} if self.memory is None else {value: self.memory.kind_of(value).name for value in wanted}
        return {
            "sessions": self.sessions.values_in_order(),
            "hosts": [None if host is None else list(host) for host in self.hosts.values_in_order()],
            "operation_names": self.operations.values_in_order(),
            "masks": self.masks.values_in_order(),
            "tried": [list(one) for one in self.tried],
            "remembered": kinds,
            "shown": {} if headers is None else headers.showing(wanted),
            "last_shown": self.last_shown,
            "streams": self.streams,
            "is_odd": self.is_odd,
        }


def _anchored(recording: Recording) -> Iterator[AnchorRow]:
    """Yield the rows of all events, replies and ends of streams that nobody asked for."""
    only = only_session(recording)
    again = copies_by_session(((one.session or only, one.event) for one in recording.unsolicited), recording.windows)
    of_each = anchors(recording) if recording.index is None else anchoring(recording)
    found = zip(recording.unsolicited, of_each, strict=True)
    for number, (pushed, anchor) in enumerate(found):
        session = pushed.session or only
        is_copy = (session, pushed.event.seq, pushed.event.index) in again
        # what only a later window got comes to any window that does what that window did
        group = group_of(session, anchor, anchor.window if is_copy else 0)
        yield AnchorRow(group, EVENT, number, anchor, is_copy, pushed.is_ignored)
    for number, (said, anchor) in enumerate(endings(recording)):
        yield AnchorRow(group_of(said.session or only, anchor, anchor.window), REPLY, number, anchor)
    for number, (stream, _, anchor) in enumerate(ends(recording)):
        yield AnchorRow(group_of(stream.session or only, anchor, anchor.window), END, number, anchor)


class Index:
    """The index of a recording, as a stand-in reads it.

    Attributes:
        requests: Rows of the recorded requests.
        anchors: Rows of what nobody asked for.
        summary: What is known of the whole recording.
    """

    def __init__(self, requests: Entries, anchored: Entries, summary: Mapping[str, Any]) -> None:
        """Take the tables."""
        self.requests, self.anchors, self.summary = requests, anchored, summary


def index_of(recording: Recording, dialect: Dialect, policy: Policy | None = None, *, links: bool = True) -> Index:
    """Return the index of a recording: the stored one, if it was made by these rules, else one that is made now."""
    if recording.index is not None:
        summary = summary_in(recording.index.table(SUMMARY))
        if summary.get("stamp") == stamp(dialect, policy, links=links):
            stored = StoredSummary(recording.header.file, summary)
            return Index(recording.index.table(REQUESTS), recording.index.table(ANCHORS), stored)
    maker = IndexMaker(dialect, policy, links=links, is_spooled=recording.index is not None)
    made: dict[str, list[bytes]] = defaultdict(list)
    for items in (recording.triples, recording.plain):
        for place, triple in enumerate(items):
            maker.feed(triple, place)
    for place, pushed in enumerate(recording.unsolicited):
        maker.feed(pushed, place)
    for name, entry in maker.finish(recording):
        made[name].append(entry)
    tables = {
        name: MemoryTable(width, sorted(made[name]) if is_sorted else made[name])
        for name, (width, is_sorted) in maker.tables.items()
    }
    return Index(tables[REQUESTS], tables[ANCHORS], summary_in(tables[SUMMARY]))


def stamp(dialect: Dialect, policy: Policy | None, *, links: bool = True) -> str:
    """Return what tells if rows were made by the same rules."""
    rules: list[object] = [VERSION, links, dialect.name, dialect.text]
    if policy is not None:
        rules += [policy.name, policy.text, sorted((path, repr(rule)) for path, rule in policy.exact.items())]
        rules += [[sorted(names.globs), repr(rule)] for names, rule in (*policy.fields, *policy.inside_of)]
    return sha256(repr(rules).encode(errors="surrogatepass")).hexdigest()
