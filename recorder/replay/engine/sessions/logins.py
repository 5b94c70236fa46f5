"""Give each live login values of its own, in place of those that the recorded server made for its sessions.

A value that was given out identifies its client wherever the client shows it. Requests are matched as if they showed
the recorded value, and what the client is sent has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from hashlib import blake2b
from itertools import islice, takewhile
from typing import TypeAlias
from urllib.parse import quote

from ....correlate.sessions import AUTHORIZATION, as_tokens
from ....dialect.definition import Dialect
from ....formats.charsets import as_utf8
from ....formats.json_escapes import plain
from ....model import Recording
from ....redaction.pseudonyms import Kind, Pseudonyms
from ....requests.bindings import MINTED, Bindings, runs
from ....requests.request import ParsedRequest, RecordedRequest
from ..http import HttpRequest
from ..matching.matcher import Matcher
from ..rewriting.rewriter import Rewriter
from .playhead import Playhead, kind

_ROOM = 100_000  # values given out; from then on those of old logins are forgotten
_MOST = 200  # clients and recorded logins that are compared for a new client
_TRIES = 10  # to make a value that was not given out: of short ones of few letters all may be used up


# Gives a web token anew with moved dates; None where these stay, or where its key is not known.
Renewed: TypeAlias = Callable[[str], str | None]


class Logins:
    """The values that recorded logins gave out, and those given out in their place.

    Attributes:
        new_id: Source of randomness.
        reads: Whether `as_recorded` may change a request: a value was given out, or the dialect names credentials.
    """

    def __init__(
        self,
        recording: Recording,
        matcher: Matcher,
        dialect: Dialect,
        new_id: Callable[[], str],
        places: Iterable[int],
    ) -> None:
        """Take the places of the recorded logins; `new_id` is the source of randomness."""
        self._dialect, self.new_id, self._matcher = dialect, new_id, matcher
        self._places = frozenset(places)
        self._keys: dict[int, bytes] = {}
        self._starts = {label: seq for label, (seq, _) in recording.session_starts.items()}
        self._forget()

    @cached_property
    def keys(self) -> frozenset[bytes]:
        """Keys of the recorded logins; they are read when the first request comes."""
        return frozenset(map(self._key, self._places))

    def _key(self, place: int) -> bytes:
        if place not in self._keys:
            self._keys[place] = self._matcher.entries[place].key
        return self._keys[place]

    def _forget(self) -> None:
        self._recorded = Bindings()  # live values to recorded ones
        self._live: dict[str, str] = {}  # as written in a URL or a body, to the value itself
        self.reads = bool(self._dialect.session_tokens)

    def as_recorded(self, request: HttpRequest) -> HttpRequest:
        """Return a live request with recorded values in place of those given out, and all its credentials as headers.

        The credentials are those that the dialect names, and all values that were given out.
        """
        target, headers, body = request.target, request.headers, request.body
        headers = self._dialect.identified(target, headers, body)
        if self._live:
            text = plain(body.decode("utf-8", "surrogateescape"))
            words = self._recorded.in_text(frozenset(runs(f"{target}\n{text}")))
            found = sorted(word for word in words if word in target or word in text)
            if found:
                values = dict.fromkeys(self._live[word] for word in found)
                headers = (*headers, *(("Authorization", value) for value in values))
                rewriter = Rewriter(self._dialect, self._recorded)
                target, body = rewriter.text(target), rewriter.text(text).encode("utf-8", "surrogateescape")
        return request._replace(target=target, headers=headers, body=body)

    @cached_property
    def _ends(self) -> dict[str, int]:
        """The last request of each recorded session, by its `seq`."""
        ends: dict[str, int] = {}
        for place, triple in enumerate(self._matcher.triples):
            label = self._matcher.session_of(place)
            if label is not None:
                ends[label] = max(ends.get(label, 0), triple.request.seq)
        return ends

    def is_login(self, live: ParsedRequest) -> bool:
        """Return whether a request is a login: it gets values or a first cookie, or the dialect says that it is one."""
        return not self.keys.isdisjoint(self._matcher.keys(live))

    def takes(self, playhead: Playhead, live: ParsedRequest, *, on_its_connection: bool) -> bool:
        """Return whether a login that shows nothing of its client may be this client's, and not that of a new one.

        It may be the first login of a client that only asked for this and that. Else it is a login of the recorded
        session that it follows, and all operations that were recorded before were asked for.
        """
        places = [p for p in self._matcher.candidates(live) if p in self._places and p not in playhead.played]
        before = [place for place in playhead.played if place in self._places]
        triples = self._matcher.triples
        if not before and not playhead.client_ids:
            return on_its_connection or AUTHORIZATION not in map(kind, playhead.shown)
        if on_its_connection and not places:
            return True  # it logs in once too often
        own = playhead.recorded or (self._matcher.session_of(before[-1]) if before else None)
        start = self._starts.get(own or "")
        asked = {self._key(place) for place in before}
        is_other = asked.isdisjoint(self._matcher.keys(live))  # for another token, as of REST and stream
        return start is not None and any(
            self._matcher.session_of(place) == own
            and (on_its_connection or is_other or triples[place].request.seq > start)
            and self._is_due(playhead, place, own)
            for place in places
        )

    def _is_due(self, playhead: Playhead, place: int, session: str | None) -> bool:
        """Return whether a client asked for all operations of its recorded session before a place."""
        seq = self._matcher.triples[place].request.seq
        earlier = takewhile(lambda n: self._matcher.triples[n].request.seq < seq, range(self._matcher.operations))
        return all(n in playhead.played for n in earlier if self._matcher.session_of(n) == session)

    def own(
        self, found: RecordedRequest, live: ParsedRequest, playhead: Playhead, others: Iterable[Playhead]
    ) -> RecordedRequest:
        """Return the recorded login of a new client: of several that match, the one that fits the other clients too.

        In a redacted recording the logins of all users match, but a pseudonym stands for one user. Where the clients
        before took it for another user, this login was recorded of somebody else. Of logins of one user, who was there
        twice at once, it is one that no client that is there has made.
        """
        before = [other for other in islice(others, _MOST) if other is not playhead and other.played]
        known = [other.bindings for other in before]
        taken = {other.signed_in for other in before if other.signed_in is not None and not other.left}

        def strangers(entry: RecordedRequest) -> tuple[int, bool]:
            seq = self._matcher.triples[entry.place].request.seq
            # where one session came after the other, a live client that comes again may just begin anew
            is_other = entry.session not in taken and all(seq < self._ends.get(label, seq) for label in taken)
            return sum(not self._matcher.fits(entry, live, one) for one in known), not is_other

        least = strangers(found)
        for place in islice(self._matcher.candidates(live), _MOST) if any(least) else ():
            entry = self._matcher.entries[place]
            if place in self._places and self._matcher.fits(entry, live, playhead.bindings):
                count = strangers(entry)
                if count < least:
                    found, least = entry, count
        return found

    def give(self, playhead: Playhead, place: int, renewed: Renewed = lambda _: None) -> frozenset[str]:
        """Make the values that a recorded login gives a client out; return them as the tokens of the client.

        A value that the client has already keeps what stands for it: many servers renew nothing before its time.
        `renewed` gives a web token whose dates are moved, None where they stay.
        """
        given = set()
        for recorded in self._values(place):
            bound = playhead.bindings
            if recorded in bound.words and (MINTED, recorded) not in bound.live:
                continue  # it came with a value from elsewhere, which other clients may have too
            live = bound.words.get(recorded) or self._renewed(recorded, renewed) or self._made(recorded)
            if live is not None:
                given.add(live)
                for form, own in {recorded: live, _quoted(recorded): _quoted(live)}.items():
                    bound.bind(MINTED, form, own)
                    self._recorded.bind(MINTED, own, form)
                    self._live[own] = live
        self.reads |= bool(given)
        return as_tokens(given)

    def _values(self, place: int) -> tuple[str, ...]:
        """Return the values that a recorded login gave out."""
        triple = self._matcher.triples[place] if place in self._places else None
        if triple is None or triple.ack is None:
            return ()
        return self._dialect.minted_by(triple.request, triple.ack)

    def _renewed(self, recorded: str, renewed: Renewed) -> str | None:
        """Return a signed web token in place of a recorded one; None where that is not asked for, or cannot be."""
        live = renewed(recorded)
        return None if live is None or live in self._live or live == recorded else live

    def _made(self, recorded: str) -> str | None:
        """Return a value of the shape of a recorded one that was not given out; None if none can be found."""
        if len(self._live) >= _ROOM:
            self._forget()
        fixed, dot, free = recorded.rpartition(".") if _is_web_token(recorded) else ("", "", recorded)
        for _ in range(_TRIES):
            key = blake2b(self.new_id().encode(), digest_size=32).digest()
            live = f"{fixed}{dot}{Pseudonyms(key).of(Kind.SECRET, free)}"
            if live not in self._live and live != recorded:
                return live
        return None


def _is_web_token(value: str) -> bool:
    """Return whether a value is a signed JSON web token: clients read its claims, so only its signature may differ."""
    return value.startswith("eyJ") and value.count(".") == 2 and not value.endswith(".")


def _quoted(value: str) -> str:
    return quote(as_utf8(value), safe="")
