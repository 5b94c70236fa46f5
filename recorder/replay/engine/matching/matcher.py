"""Match live requests with recorded ones: an empty difference is a match, and nothing else is.

An index narrows the choice to requests of equal content; then the bindings of the session must fit. On a miss
`differences` explains, by the same rules.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Container, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice, zip_longest
from typing import Any

from ....dialect.content import Form, names_of
from ....dialect.definition import Dialect
from ....dialect.paths import EACH, as_key, lookup, split, without
from ....errors import CassetteError
from ....library.sequences import chained, mapped
from ....links.rewriting import Server
from ....model import Headers, Recording, Triple
from ....printable import printable
from ....redaction.policy import Policy
from ....redaction.pseudonyms import Kind
from ....requests.asked import AskedLinks
from ....requests.bindings import ABSENT, HIDDEN, MINTED, Bindings, Pairs
from ....requests.index.making import Index, index_of
from ....requests.known import Bound, FreshIds
from ....requests.masks import BLANK, BODY, FORM, named
from ....requests.recent import Recent
from ....requests.recorded import RecordedReader
from ....requests.remembered import Memory
from ....requests.request import ParsedRequest, RecordedRequest, RequestReader, SessionIds, Tried
from ....requests.shapes import may_be
from ....requests.shown import ShownValues
from .columns import Columns
from .difference import Difference, by_name, compare, shown
from .index import Alternatives, JoinedAlternatives, RequestIndex
from .proposals import proposal

_ANOTHER = "one pseudonym", "another value than it stands for"
_COMPARED = 1000  # recorded requests that are compared on a miss, those first that were not played
_READ = 5000  # requests of an operation that are read to tell a part of a URL that none of them has
_REMEMBERED = 16_384  # recorded requests that were read


class ParsedRequests(Sequence[ParsedRequest]):
    """The recorded requests, each parsed when it is asked for: misses alone need them."""

    def __init__(self, triples: Sequence[Triple], reader: RecordedReader) -> None:
        """Parse nothing yet."""
        self._triples, self._reader = triples, reader

    def __len__(self) -> int:
        return len(self._triples)

    def __getitem__(self, place: int) -> ParsedRequest:  # type: ignore[override]  # nobody takes slices
        return self._reader.parsed(self._triples[place])


class RecordedRequests(Sequence[RecordedRequest]):
    """The recorded requests as far as each match compares them, each read when it is asked for.

    Raises:
        CassetteError: If the index says something else of a request than the request itself.
    """

    def __init__(
        self,
        triples: Sequence[Triple],
        reader: RecordedReader,
        index: RequestIndex,
        shown: ShownValues | None,
        file: str,
    ) -> None:
        """Read nothing yet; `file` is named if the index does not fit the recording."""
        self._triples, self._reader, self._index, self._shown, self._file = triples, reader, index, shown, file
        self._known: Recent[int, RecordedRequest] = Recent(_REMEMBERED)

    def __len__(self) -> int:
        return len(self._triples)

    def __getitem__(self, place: int) -> RecordedRequest:  # type: ignore[override]  # nobody takes slices
        found = self._known.get(place)
        return self._read(place) if found is None else found

    def _read(self, place: int) -> RecordedRequest:
        triple = self._triples[place]
        entry = self._reader.recorded(place, triple)
        row = self._index.row_of(entry.key, entry.session, place)
        if row is None or row.id != entry.id:
            what = f"triple {triple.n}" if triple.n else f"exchange {place - len(self._triples)}"
            raise CassetteError(
                self._file, f"the index of requests does not fit {what}", hint="run recorder doctor for details"
            )
        if self._shown is not None:
            entry = replace(entry, shown=self._shown.recorded(triple.request.headers))
        self._known.put(place, entry)
        return entry


class Matcher:
    """Knows all recorded requests; holds no state of any client.

    Attributes:
        triples: Operations in recorded order, then the other exchanges; places are indices of it.
        operations: Number of the operations: their places are those below it.
        parsed: Their requests.
        entries: Their requests, as far as each match compares them.
        reads_headers: Whether headers of live requests tell of values that requests hold elsewhere.

    """

    def __init__(
        self,
        recording: Recording,
        dialect: Dialect,
        policy: Policy | None = None,
        own_cookies: Collection[str] = (),
        host_of: Callable[[Headers], Hashable | None] | None = None,
        *,
        only_host: bool = False,
        index: Index | None = None,
        asked: AskedLinks | None = None,
    ) -> None:
        """Take a recording and its index; no request is read.

        Args:
            recording: The recording.
            dialect: Says where ids stand.
            policy: The policy that redacted the recording, if any did.
            own_cookies: Names of cookies that tell nothing of a recorded value: they stand for the live session.
            host_of: Returns the host that a request names, for a recording with several; None for other recordings.
            only_host: A live request for a recorded host is never answered by what another host said; else only where
                its host was not asked for the like.
            index: The index of the recording; None makes one by which links are compared as they are.
            asked: Knows the links in its requests; None leaves them.
        """
        index = index or index_of(recording, dialect, policy, links=False)
        summary = index.summary
        self._host_of, self._only_host = host_of, only_host
        self._dialect = dialect
        values = {value: Kind[kind] for value, kind in summary["remembered"].items()}
        memory = Memory(policy, values) if policy is not None and values else None
        self._recorded = RecordedReader(dialect, policy, memory)
        self._recorded.try_masks(Tried(*(_as_mask(part) for part in one)) for one in summary["tried"])
        triples = chained(recording.triples, recording.plain)
        self.triples = mapped(triples, asked.named) if asked is not None and asked.are_there else triples
        self.operations = len(recording.triples)
        self.parsed = ParsedRequests(self.triples, self._recorded)
        self._hosts = [None if host is None else Server(*host) for host in summary["hosts"]]
        self._host_numbers: dict[Hashable | None, int] = {}
        if host_of is not None:
            self._host_numbers = {host: number for number, host in enumerate(self._hosts) if number}
        self._shown = None if policy is None else _shown(policy, summary["shown"], own_cookies)
        self.reads_headers = self._shown is not None
        file = recording.header.file
        self._index = RequestIndex(index.requests, summary["sessions"], file)
        self._rows = Columns(index, file)
        self.entries = RecordedRequests(self.triples, self._recorded, self._index, self._shown, file)
        self._parts: dict[str | None, dict[str, set[str]]] = {}

    def number(self, place: int) -> int:
        """Return the number of the triple at a place, 0 for an exchange that is no operation."""
        return place + 1 if place < self.operations else 0

    def session_of(self, place: int) -> str | None:
        """Return the label of the recorded session that made a request, without reading it."""
        return self._rows.session(place)

    def _reader_of(self, method: str) -> RequestReader:
        return self._recorded.of(method)

    def read(
        self, method: str, target: str, body: bytes, media: str = "", headers: Headers = ()
    ) -> tuple[ParsedRequest, FreshIds]:
        """Parse a request, whose media type is that of `media_for`; return it with its per-operation ids."""
        return self._recorded.of(method).read(method, target, body, media, headers)

    def call(self, method: str, target: str, body: bytes, media: str = "", headers: Headers = ()) -> ParsedRequest:
        """Parse a request without its per-operation ids."""
        return self.read(method, target, body, media, headers)[0]

    def shows(self, live: ParsedRequest, headers: Headers) -> ParsedRequest:
        """Return a live request with what its headers tell of redacted values, for a matcher that `reads_headers`."""
        found = self._shown.live(headers) if self._shown is not None else None
        if not found or live.leaves is None:
            return live
        self._forms(live)  # so that they are found once for all requests of this text
        return replace(live, leaves=replace(live.leaves, shown=found))

    @property
    def has_hosts(self) -> bool:
        """True if several hosts were recorded, so that live requests are told apart by theirs."""
        return bool(self._host_numbers)

    def at_host(self, live: ParsedRequest, headers: Headers) -> ParsedRequest:
        """Return a live request with the recorded host that its headers name, if they name one."""
        host = None if self._host_of is None else self._host_of(headers)
        return replace(live, host=host) if host in self._host_numbers else live

    def alternatives(self, live: ParsedRequest) -> Alternatives | JoinedAlternatives:
        """Return the recorded requests that differ in minted, volatile and hidden values alone."""
        if live.host is not None:
            number = self._host_numbers[live.host]
            its = JoinedAlternatives(tuple(self._index.at_host(one.key, number) for one in self._forms(live)))
            if self._only_host or its.sessions:
                return its
        if live.leaves is None:
            return self._index[live.key]
        return JoinedAlternatives(tuple(self._index[one.key] for one in self._forms(live)))

    def ids(self, live: ParsedRequest) -> tuple[bytes, ...]:
        """Return the ids of the recorded requests that a live one is equal to, with each mask."""
        return (live.id,) if live.leaves is None else tuple(one.id for one in self._forms(live))

    def keys(self, live: ParsedRequest) -> tuple[bytes, ...]:
        """Return the keys of the recorded requests that a live one may be, with each mask."""
        return (live.key,) if live.leaves is None else tuple(one.key for one in self._forms(live))

    def _forms(self, live: ParsedRequest) -> tuple[ParsedRequest, ...]:
        """Return a live request as it is, and without the leaves of each mask that fits it."""
        return (live,) if live.leaves is None else (live, *self._reader_of(live.method).rests(live))

    def compared(self, place: int, request: ParsedRequest) -> ParsedRequest:
        """Return a request as it is compared with a recorded one: without the leaves that hold remembered values."""
        remembered = self.entries[place].remembered
        return request if remembered is None else self._reader_of(request.method).without(remembered.mask, request)

    def candidates(self, live: ParsedRequest) -> list[int]:
        """Return the places of these requests, in recorded order."""
        return sorted(self.alternatives(live).places())

    def sessions_of(self, live: ParsedRequest) -> set[str | None]:
        """Return the sessions that made a request."""
        return set(self.alternatives(live).sessions)

    def tells(self, live: ParsedRequest, entry: RecordedRequest) -> bool:
        """Return whether a request shows which recorded session its client follows; several made a GET /me, say.

        One with the recorded pseudonyms, such as a code that an answer gave out, is that one and none of the others.
        """
        if entry.n > 0:
            return True
        made = self.alternatives(live).labelled()
        if len({label for label, _ in made}) == 1:
            return True
        groups = ((label, one.first) for label, its in made for one in its.groups)
        same = {label for label, first in groups if self.entries[first].hidden == live.hidden}
        return len(same) == 1

    def is_never_told(self, live: ParsedRequest) -> bool:
        """Return whether the sessions that made a request made no operation, and each request that one of them made."""
        sessions = self.sessions_of(live)
        own = [place for place in range(len(self.triples)) if self.session_of(place) in sessions]
        return not any(place < self.operations for place in own) and all(
            sessions <= self.sessions_of(self.parsed[place]) for place in own
        )

    def fits(self, entry: RecordedRequest, live: ParsedRequest, session: Bindings) -> bool:
        """Return whether a candidate matches under the bindings of a live session."""
        if entry.remembered is not None:
            rest = self.compared(entry.place, live)
            return self._has_session(entry, rest, session) and _pairs_of(entry, rest, live, session) is not None
        if not self._has_session(entry, live, session):
            return False
        return entry.hidden == live.hidden or not any(_hidden(entry.hidden, live.hidden, session))

    def fits_alike(self, entry: RecordedRequest, live: ParsedRequest, session: Bindings) -> bool:
        """Return whether a candidate matches, and each pseudonym that is not bound has the shape of its live value."""
        rest = self.compared(entry.place, live)
        if entry.remembered is None and entry.hidden == rest.hidden:
            return self._has_session(entry, rest, session)
        pairs = _pairs_of(entry, rest, live, session)
        is_alike = pairs is not None and all(may_be(pseudonym, value) for pseudonym, value in pairs.added.items())
        return is_alike and self._has_session(entry, rest, session)

    def _has_session(self, entry: RecordedRequest, live: ParsedRequest, session: Bindings) -> bool:
        """Return whether the session ids of a request may stand for recorded ones."""
        if (entry.lasting, live.lasting) in session.agreed:
            return True
        return all(_agree(session, key, mine, its) for _, key, mine, its in self._pairs(entry.lasting, live.lasting))

    def differences(self, place: int, live: ParsedRequest, session: Bindings) -> list[Difference]:
        """Return all differences to a recorded request under the bindings of a live session; none for a match."""
        entry = self.entries[place]
        recorded, rest = self.compared(place, self.parsed[place]), self.compared(place, live)
        plain = [*self._other_host(place, live), *_outer(recorded, rest), *self._body(recorded, rest, session)]
        if entry.remembered is None:
            return [*plain, *_hidden(recorded.hidden, rest.hidden, session)]
        if _pairs_of(entry, rest, live, session) is not None:
            return plain
        return [*plain, *_explained(entry, rest, session, self._reader_of(recorded.method).root)]

    def _other_host(self, place: int, live: ParsedRequest) -> Iterator[Difference]:
        if self._only_host and live.host is not None:
            host = self._hosts[self._rows.host(place)]
            if host not in (None, live.host):
                yield Difference("host", str(host), str(live.host))

    def bind(self, entry: RecordedRequest, live: ParsedRequest, session: Bindings) -> None:
        """Bind the session ids and the redacted values of a request that matched."""
        if entry.remembered is not None or entry.shown:
            live = self._bind_leaves(entry, live, session)
        if (entry.lasting, live.lasting) not in session.agreed:
            for _, key, recorded, other in self._pairs(entry.lasting, live.lasting):
                if recorded is not None:
                    session.bind(key, recorded[0], ABSENT if other is None else other[1])
            session.agree((entry.lasting, live.lasting))
        if entry.hidden != live.hidden:
            for pseudonym, value in zip(entry.hidden, live.hidden, strict=True):
                if pseudonym != value:
                    session.bind(HIDDEN, pseudonym, value)

    def _bind_leaves(self, entry: RecordedRequest, live: ParsedRequest, session: Bindings) -> ParsedRequest:
        """Bind the redacted values in leaves and headers; return the request without the leaves."""
        rest = self.compared(entry.place, live)
        pairs = _pairs_of(entry, rest, live, session)
        for pseudonym, value in pairs.added.items() if pairs is not None else ():
            session.bind(HIDDEN, pseudonym, value)
        return rest

    def _pairs(self, recorded: SessionIds, live: SessionIds) -> Iterator[tuple[str, str, Bound, Bound]]:
        """Yield the session ids of two requests in pairs, each with its path and key."""
        for (path, key), mine, its in zip(self._recorded.requests.lasting, recorded.values, live.values, strict=True):
            yield from ((path, key, *pair) for pair in zip_longest(mine, its))

    def is_exact(self, place: int, live: ParsedRequest) -> bool:
        """Return whether a candidate is equal up to per-operation ids, devices and volatile fields included."""
        return self.entries[place].id == self.compared(place, live).id

    def nearest(
        self, live: ParsedRequest, session: Bindings, played: Container[int]
    ) -> tuple[int, list[Difference]] | None:
        """Return the recorded request of this operation, else of this path, that differs least.

        Of equals, unplayed ones win, then the earliest. Of very many, those are compared that come next.
        """
        best: tuple[tuple[bool, bool, int, bool, int], list[Difference]] | None = None
        for place in self.nearby(live, played):
            recorded, seen = self.compared(place, self.parsed[place]), self.compared(place, live)
            found = self.differences(place, live, session)
            other = live.operation not in (None, recorded.operation)
            rank = (other, recorded.path != seen.path, len(found), place in played, place)
            best = min(best or (rank, found), (rank, found), key=lambda pair: pair[0])
        return (best[0][-1], best[1]) if best else None

    def names(self, live: ParsedRequest, session: Bindings) -> bool:
        """Return whether a request names a session id of a live session, e.g. its device."""
        for key in self._dialect.session_keys:
            paths = self._dialect.paths(key)
            found = (as_key(lookup({"body": live.body}, path)) for path in paths)
            value = next((text for text in found if text is not None), None)
            if value is not None and session.is_live(key, self._dialect.bare(key, value)):
                return True
        return False

    def proposal(self, place: int, differences: Sequence[Difference]) -> str:
        """Return what the dialect would have to say for a recorded request to match, "" if that is not one thing."""
        return proposal(differences, self.triples[place], self._dialect)

    def unknown_part(self, live: ParsedRequest) -> str:
        """Describe the part of a URL, e.g. the handle, that no recorded request of the operation has; empty if none."""
        if live.operation not in self._parts:
            parts = self._parts[live.operation] = defaultdict(set)
            its = self._rows.of_operation(live.operation)
            for place in its if len(its) <= _READ else ():  # of more, the nearest request alone is told
                for name, value in self._dialect.route(self.parsed[place].path).items():
                    parts[name].add(value)
        for name, value in self._dialect.route(live.path).items():
            known = self._parts[live.operation].get(name)
            if known and value not in known and value != BLANK:
                some = _some(sorted(known))
                return printable(f"{name} {shown(value)} is in no recorded {live.operation}; there is {some}")
        return ""

    def nearby(self, live: ParsedRequest, played: Container[int]) -> Iterator[int]:
        """Yield places to compare on a miss: of the same operation and path, as far as there are any."""
        same: Sequence[int] = range(len(self.triples))
        if live.operation is not None:
            same = self._rows.of_operation(live.operation) or same
        if len(same) > _COMPARED:
            same = self._rows.at_path(live.path, same) or same
        left = (place for place in same if place not in played)
        done = (place for place in same if place in played)
        return islice(chain(left, done), _COMPARED)

    def _body(self, recorded: ParsedRequest, live: ParsedRequest, session: Bindings) -> Iterator[Difference]:
        reader = self._reader_of(recorded.method)
        root = reader.root
        is_object, is_alike = (_is_object(recorded), _is_object(live)), recorded.form is live.form
        if is_object == (True, False) or not is_alike or recorded.body is None or live.body is None:
            if not is_alike or recorded.raw != live.raw:
                broken = is_object == (True, False)
                yield Difference(f"{root} (live: no JSON object)" if broken else root, _text(recorded), _text(live))
            return
        mine, its = (without(call.body, reader.ignored(recorded.operation)) for call in (recorded, live))
        found = compare(mine, its, root)
        has_names = recorded.form in (Form.FIELDS, Form.PARTS)
        yield from _in_any_order(found) if has_names else found
        if has_names and mine == its:
            one, another = (
                ", ".join(reader.named(names_of(call.form, call.raw), recorded.operation)) for call in (recorded, live)
            )
            if one != another:
                yield Difference(f"names in {root}", one, another)
        # what is minted for one operation is bound anew for each, so anything goes, also none
        for path, key, own, other in self._pairs(recorded.lasting, live.lasting):
            if not _agree(session, key, own, other):
                in_body = path.startswith(f"{root}.") and EACH not in split(path)
                mine, its = (
                    ABSENT if bound is None else lookup({root: call.body}, path) if in_body else bound[1]
                    for bound, call in ((own, recorded), (other, live))
                )
                yield Difference(path, mine, its)


def _shown(policy: Policy, shown: Mapping[str, list[str]], own_cookies: Collection[str]) -> ShownValues | None:
    """Return the reader of headers that show the values in leaves; None if none does."""
    wanted = frozenset(value for values in shown.values() for value in values)
    values = ShownValues(policy, wanted, own_cookies, frozenset(shown))
    return values if values.are_there else None


def _as_mask(part: Any) -> Any:
    """Return a part of a mask as it was before it was written as JSON."""
    return tuple(map(_as_mask, part)) if isinstance(part, list) else part


def _is_object(request: ParsedRequest) -> bool:
    return request.form is Form.JSON and isinstance(request.body, dict)


def _agree(session: Bindings, key: str, recorded: Bound, live: Bound) -> bool:
    """Return whether two session ids may stand for each other; an absent one stands for an absent one."""
    if recorded is None or live is None:
        return recorded is live
    return session.allows(key, recorded[0], live[0])


def describe(triple: Triple, call: ParsedRequest) -> str:
    """Describe a recorded request for people."""
    return f"triple {triple.n}, {call}" if triple.n else str(call)


def _outer(recorded: ParsedRequest, live: ParsedRequest) -> Iterator[Difference]:
    # an unknown operation is told first; a request that names none differs in its body
    places = ("operation", "method", "path") if live.operation else ("method", "path")
    for where in places:
        mine, its = getattr(recorded, where), getattr(live, where)
        if mine != its:
            yield Difference(where, mine, its)
    if recorded.query != live.query:
        mine, its = (by_name(call.query) for call in (recorded, live))
        yield from _in_any_order(compare(mine, its, "query"))


def _in_any_order(differences: Iterable[Difference]) -> Iterator[Difference]:
    """Yield differences with `*` for each index: the values of one name have no places of their own."""
    for one in differences:
        indices = set(re.findall(r"\[(\d+)\]", one.where))
        yield replace(one, path=tuple(EACH if part in indices else part for part in one.path))


def _hidden(recorded: tuple[str, ...], live: tuple[str, ...], session: Bindings) -> Iterator[Difference]:
    """Yield the difference in redacted values: each live value stands for one pseudonym, which stands for no other.

    Values are personal and never shown.
    """
    if len(recorded) != len(live):
        yield Difference("the number of redacted values", len(recorded), len(live))
    elif _with_all(Pairs(session), zip(recorded, live, strict=True)) is None:
        yield Difference("a redacted value", *_ANOTHER)


def _with_all(pairs: Pairs | None, more: Iterable[tuple[str, str]]) -> Pairs | None:
    """Return pairs with more of them; None if one contradicts another."""
    for pseudonym, value in more:
        pairs = None if pairs is None else pairs.plus(pseudonym, value)
    return pairs


def _pairs_of(entry: RecordedRequest, rest: ParsedRequest, live: ParsedRequest, session: Bindings) -> Pairs | None:
    """Return the pairs of pseudonyms and live values in a request; None if they do not agree.

    What the headers show counts where it agrees with the request itself.

    Args:
        entry: The recorded request.
        rest: The live request as it is compared with it.
        live: The live request with its headers.
        session: The bindings of its session.
    """
    plain = taught = Pairs(session)
    shown = live.leaves.shown if live.leaves is not None else {}
    for place, pseudonym in entry.shown if shown else ():
        # a value that was made for this client is a recorded one everywhere but in the headers
        if place in shown and not session.is_live(MINTED, shown[place]):
            taught = taught.plus(pseudonym, shown[place]) or taught
    found = _told(entry, rest, taught)
    return _told(entry, rest, plain) if found is None and taught.added else found


def _told(entry: RecordedRequest, live: ParsedRequest, pairs: Pairs) -> Pairs | None:
    """Return pairs with those that a request tells: at the places of rules first, then in its leaves."""
    if len(entry.hidden) != len(live.hidden):
        return None
    found = _with_all(pairs, zip(entry.hidden, live.hidden, strict=True))
    if entry.remembered is not None and live.leaves is not None:
        for text, its in zip(entry.remembered.texts, live.leaves.texts, strict=True):
            found = text.pairs(its, found) if found is not None and its is not None else None
    return found


def _explained(entry: RecordedRequest, live: ParsedRequest, session: Bindings, root: str) -> Iterator[Difference]:
    """Yield the differences in redacted values and in the leaves that hold remembered ones, without showing them."""
    hidden = list(_hidden(entry.hidden, live.hidden, session))
    yield from hidden
    pairs = Pairs(session) if hidden else _with_all(Pairs(session), zip(entry.hidden, live.hidden, strict=True))
    if entry.remembered is None or live.leaves is None or pairs is None:
        return
    for address, text, its in zip(*entry.remembered, live.leaves.texts, strict=True):
        found = None if its is None else text.pairs(its, pairs)
        where = named(address, root)
        if its is None and address[0] in (BODY, FORM):  # no other difference tells: without its leaf a body is blank
            yield Difference(where, "a text with a redacted value", "a body of another form")
        elif its is None or found is not None:
            pairs = found or pairs
        elif text.surrounds(its):
            yield Difference(f"{where}: a redacted value", *_ANOTHER)
        else:
            yield Difference(f"{where}: the text around a redacted value", "one text", "another text")


def _some(values: list[str]) -> str:
    return ", ".join(map(shown, values[:5])) + (f" and {len(values) - 5} more" if len(values) > 5 else "")


def _text(call: ParsedRequest) -> str:
    return call.raw.decode("utf-8", "replace")
