"""Hold what a client sent and got to the rules of docs/races.md. This knows nothing of the code that draws or plays.

violations(facts, moments)            # what a run showed against the rules, as sentences
against(facts, ["event 4.2 before event 4.1"])    # deviations that ask for what no server may do
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.explore.model.facts import Cause, Fact, Facts, fits
from tests.explore.model.moments import (
    Answers,
    Asks,
    Breaks,
    Hears,
    Message,
    Moment,
    Pieces,
    Reader,
    Says,
    is_event,
    is_meta,
)
from tests.explore.model.naming import Names

_SHAKE, _POLL, _LEAVE = "/meta/handshake", "/meta/connect", "/meta/disconnect"
_SUBSCRIBE, _UNSUBSCRIBE = "/meta/subscribe", "/meta/unsubscribe"
_UPGRADED, _MESSAGE = 101, "MESSAGE"
_LOST = ("401", "402", "403::Unknown client")


def violations(
    facts: Facts,
    moments: Iterable[Moment],
    *,
    sessions: Mapping[str, str] | None = None,
    disturb: Collection[str] = (),
    is_whole: bool = True,
) -> list[str]:
    """Return what in a run is against the rules.

    Args:
        facts: Those of the recording.
        moments: What the clients sent and got, in order.
        sessions: Label of the recorded session that each client follows; the only one if None.
        disturb: Names of the troubles that were asked for.
        is_whole: Whether the run went on until nothing more came, so that all that is due must have come.

    """
    return judged(facts, moments, sessions=sessions, disturb=disturb, is_whole=is_whole).found


def judged(
    facts: Facts,
    moments: Iterable[Moment],
    *,
    sessions: Mapping[str, str] | None = None,
    disturb: Collection[str] = (),
    is_whole: bool = True,
) -> Judge:
    """Return the judge of a run, who knows what was seen in it too; see `violations`."""
    judge = Judge(facts, sessions, frozenset(disturb))
    for moment in moments:
        judge.take(moment)
    if is_whole:
        judge.end()
    return judge


class Seen(NamedTuple):
    """An answer or event that arrived: in which moment of the run, when, and what carried it.

    Attributes:
        moment: Number of the moment; equal for what one answer carried.
        asked: Channels of the messages that the answer replied to; none for the answer to anything else, and for
            a frame unasked.
    """

    client: str
    item: str
    moment: int
    at: float
    asked: tuple[str, ...] = ()


@dataclass(slots=True)
class Client:
    """What the judge knows of one client.

    Attributes:
        asked: Messages of its open requests with Bayeux, by number.
        open: Places of its open requests without Bayeux, by number.
        reached: How often it did what events may follow.
        came: Names of the events that came, in order.
        batches: Names that came with each confirmed batch, in order, if it confirms.
    """

    name: str
    session: str | None
    names: Names
    asked: dict[int, Says] = field(default_factory=dict)
    open: dict[int, int] = field(default_factory=dict)
    reached: Counter[tuple[str, str]] = field(default_factory=Counter)
    subscribed: set[str] = field(default_factory=set)
    came: list[str] = field(default_factory=list)
    batches: list[list[str]] = field(default_factory=list)
    latest: dict[str, Fact] = field(default_factory=dict)
    confirms: bool = False
    has_left: bool = False
    is_lost: bool = False
    streams: dict[int, Reader] = field(default_factory=dict)
    published: dict[str, int] = field(default_factory=dict)  # its publishes that have no reply yet, by their ids


class Judge:
    """Takes a run moment by moment.

    Attributes:
        found: What was against the rules.
        seen: All answers and events, as they arrived.
        went: Names of the requests, each with the number of the moment in which it was sent.
        troubles: The troubles that the clients saw: the client, the number of the moment, and the name of the trouble.
    """

    def __init__(self, facts: Facts, sessions: Mapping[str, str] | None, disturb: frozenset[str]) -> None:
        self.found: list[str] = []
        self.seen: list[Seen] = []
        self.went: list[tuple[str, int]] = []
        self.troubles: list[tuple[str, int, str]] = []
        self._moment, self._now = 0, 0.0
        self._facts, self._sessions, self._disturb = facts, sessions, disturb
        self._clients: dict[str, Client] = {}
        self._places = defaultdict[tuple[str, str, bytes], list[int]](list)
        for place, triple in enumerate(facts.requests):
            one = triple.request
            self._places[one.method, one.target, one.body].append(place)
        self._requested: set[int] = set()  # places of recorded requests that any client sent
        self._named = {fact.name: fact for fact in (*facts.events, *facts.answers)}
        self._acks: Counter[int] = Counter()
        self._asked: set[int] = set()  # numbers of requests without Bayeux

    def take(self, moment: Moment) -> None:
        """Take the next moment."""
        client = self._client(moment.client)
        self._moment, self._now = self._moment + 1, moment.at
        match moment:
            case Asks():
                self._asks(client, moment)
            case Answers():
                self._answers(client, moment)
            case Pieces():
                self._pieces(client, moment)
            case Says():
                self._says(client, moment)
            case Hears():
                self._hears(client, moment)
            case Breaks():
                self._breaks(client, moment)

    def end(self) -> None:
        """Take it that nothing more comes: all that is due has come."""
        for client in self._clients.values():
            for number, place in client.open.items():
                self._say(client, f"the request {number} ({self._label(place)}) got no answer")
            if client.has_left or client.is_lost:
                continue
            came = set(client.came)
            for fact in client.names.facts:
                if fact.name not in came and self._may(client, fact) and self._hears_of(client, fact):
                    self._say(client, f"lost: {fact.name} ({fact.label}) never came")

    # -- requests and their answers

    def _asks(self, client: Client, moment: Asks) -> None:
        self._asked.add(moment.number)
        places = self._places.get((moment.method, moment.target, moment.body), [])
        mine = [p for p in places if self._facts.requests[p].session in (client.session, None)] or places
        if not mine:
            return
        # the k-th of several equal requests is the k-th recorded one
        place = next((p for p in mine if p not in self._requested), mine[-1])
        self._goes(place)
        client.open[moment.number] = place
        if moment.method == _MESSAGE:
            del client.open[moment.number]  # it gets no answer

    def _goes(self, place: int) -> None:
        self._requested.add(place)
        if self._facts.answer(place) in self._named or self._facts.requests[place].n:
            self.went.append((f"request {self._facts.label(place)}", self._moment))

    def _answers(self, client: Client, moment: Answers) -> None:
        place = client.open.pop(moment.number, None)
        if place is None:
            if self._acks[moment.number]:
                self._say(client, f"a second answer to the request {moment.number}")
            elif moment.number not in self._asked:
                self._say(client, f"an answer to the request {moment.number}, which nobody sent")
            return
        self._acks[moment.number] += 1
        if moment.more or moment.status == _UPGRADED:
            client.streams[moment.number] = Reader(moment.status == _UPGRADED)
        self._acked(client, place)
        ack = self._facts.requests[place].ack
        if ack is not None and ack.status != moment.status:
            self._say(client, f"the ack of {self._label(place)} is {moment.status}, recorded {ack.status}")

    def _pieces(self, client: Client, moment: Pieces) -> None:
        if moment.number in client.open:
            self._say(client, f"a piece before the head of the answer to the request {moment.number}")
        reader = client.streams.get(moment.number)
        for data in (
            reader.data(moment.body) if reader is not None and any(fact.stream for fact in client.names.facts) else ()
        ):
            fact = self._event(client, {"channel": "", "data": data}, set())
            if fact is not None:
                self.seen.append(Seen(client.name, fact.name, self._moment, self._now))
                self._deliver(client, [fact], [])

    def _breaks(self, client: Client, moment: Breaks) -> None:
        client.asked.pop(moment.number, None)
        client.open.pop(moment.number, None)
        self.troubles.append((client.name, self._moment, "break"))
        if not moment.by_client and not self._disturb & {"poll", "fallback"}:
            self._say(client, f"the connection with the request {moment.number} broke, and nobody asked for that")

    # -- Bayeux

    def _says(self, client: Client, moment: Says) -> None:
        client.asked[moment.number] = moment
        for message in moment.messages:
            channel = message["channel"]
            if channel in (_SUBSCRIBE, _UNSUBSCRIBE):
                for name in _names(message):
                    self._subscribes(client, name, is_new=channel == _SUBSCRIBE)
            elif not is_meta(message):
                client.reached["publish", channel] += 1
                self._publishes(client, message)

    def _publishes(self, client: Client, message: Message) -> None:
        """Note a publish that is an operation of the recording."""
        for place, triple in enumerate(self._facts.requests):
            request = triple.request
            is_one = request.method == "PUBLISH" and request.target == message["channel"]
            if is_one and place not in self._requested:
                self._goes(place)
                client.published[str(message.get("id"))] = place
                return

    def _subscribes(self, client: Client, name: str, *, is_new: bool) -> None:
        if is_new and name not in client.subscribed:
            client.subscribed.add(name)
            client.reached["subscription", name] += 1
        elif not is_new and name in client.subscribed:
            client.subscribed.discard(name)
            client.reached["unsubscription", name] += 1

    def _hears(self, client: Client, moment: Hears) -> None:
        said = client.asked.pop(moment.number, None)
        asked = [str(message["channel"]) for message in said.messages] if said else []
        replies = [message for message in moment.messages if not is_event(message)]
        events = [message for message in moment.messages if is_event(message)]
        self._shape(client, moment, replies, events)
        if events:
            self._carrier(client, said, asked, replies, len(events))
        shaken = next((m for m in replies if m["channel"] == _SHAKE and m.get("successful") is True), None)
        if shaken is not None:
            self._shaken(client, shaken)
        named: list[Fact | None] = []
        for message in events:
            named.append(self._event(client, message, {fact.name for fact in named if fact is not None}))
        self.seen += [
            Seen(client.name, fact.name, self._moment, self._now, tuple(asked)) for fact in named if fact is not None
        ]
        self._deliver(client, [fact for fact in named if fact is not None], replies)
        for message in replies:
            self._reply(client, message)

    def _shape(self, client: Client, moment: Hears, replies: list[Message], events: list[Message]) -> None:
        """Events stand before the replies, with faye behind them; the reply to a handshake stands before all."""
        kinds = [is_event(message) for message in moment.messages]
        if replies and replies[0]["channel"] == _SHAKE and not kinds[0]:
            kinds = kinds[1:]
        if kinds != sorted(kinds, reverse=True) and not (self._facts.is_faye and kinds == sorted(kinds)):
            self._say(client, "an event stands behind a reply in one body")

    def _carrier(self, client: Client, said: Says | None, asked: list[str], replies: list[Message], count: int) -> None:
        if client.has_left:
            self._say(client, "an event came after the disconnect")
        if client.is_lost and not any(m["channel"] == _SHAKE and m.get("successful") for m in replies):
            self._say(client, "an event came to a session that is lost")
        if any(_is_lost(message) for message in replies):
            self._say(client, "an event came with a reply that does not know the session")
        if said is None or said.on_socket:
            return
        if _POLL in asked:
            return
        if _SHAKE in asked:
            told = replies[0].get("x-messages") if replies else None
            if told != count:
                self._say(client, "an event came with the reply to a handshake, which has no x-messages")
            if not (self._facts.delivers_on_handshake or "handshake" in self._disturb):
                self._say(client, "an event came with the reply to a handshake")
            if said.transport == "callback-polling" or any((reply.get("ext") or {}).get("ack") for reply in replies):
                self._say(
                    client, "an event came with the reply to a handshake, but this client gets them by polls alone"
                )
        elif client.confirms or said.transport == "callback-polling" or self._facts.is_faye:
            self._say(client, f"an event came with the reply to {asked[0]}, but this client gets them by polls alone")

    def _shaken(self, client: Client, reply: Message) -> None:
        client.is_lost = client.has_left = False
        client.reached["handshake", ""] += 1
        client.subscribed.clear()
        client.confirms = bool((reply.get("ext") or {}).get("ack"))
        client.batches = []

    def _reply(self, client: Client, reply: Message) -> None:
        channel = reply["channel"]
        if channel == _LEAVE and reply.get("successful") is True:
            client.has_left = True
        elif reply.get("successful") is False and channel == _SUBSCRIBE:
            client.subscribed.difference_update(_names(reply))
        if _is_lost(reply):
            is_usual = client.is_lost or client.has_left or self._facts.loses_sessions
            if not is_usual and "handshake" not in self._disturb:
                self._say(client, f"the session was lost ({reply.get('error')}), and nobody asked for that")
            client.is_lost = True
            self.troubles.append((client.name, self._moment, "lost"))
        if not is_meta(reply):
            self._acknowledged(client, reply)

    def _acknowledged(self, client: Client, reply: Message) -> None:
        place = client.published.pop(str(reply.get("id")), None)
        if place is None:
            return
        if reply.get("successful") is True or not _is_lost(reply):
            self._acked(client, place)

    def _acked(self, client: Client, place: int) -> None:
        fact = self._named.get(self._facts.answer(place))
        if fact is not None:
            self.seen.append(Seen(client.name, fact.name, self._moment, self._now))
        if fact is not None and fact.name not in client.came:
            self._in_order(client, fact)
            client.came.append(fact.name)

    # -- events

    def _event(self, client: Client, message: Message, beside: set[str]) -> Fact | None:
        came = set(client.came) | beside
        fact = client.names.of(
            message["channel"],
            message.get("data"),
            may=lambda one: self._may(client, one),
            came=lambda one: one.name in came,
        )
        if fact is None:
            self._say(client, f"an event on {message['channel']} that was not recorded: {str(message)[:200]}")
        return fact

    def _deliver(self, client: Client, facts: list[Fact], replies: list[Message]) -> None:
        fresh = self._again(client, facts)
        for fact in fresh:
            if fact.name in client.came:
                self._say(client, f"{fact.name} ({fact.label}) came twice")
                continue
            if not self._may(client, fact):
                self._say(client, f"{fact.name} ({fact.label}) came before {self._cause(fact.cause)}")
            if fact.is_covered and not any(fits(pattern, fact.channel) for pattern in client.subscribed):
                self._say(client, f"{fact.name} came, but its session has not subscribed to {fact.channel}")
            self._in_order(client, fact)
            client.came.append(fact.name)
        if client.confirms and any(reply["channel"] == _POLL for reply in replies):
            client.batches.append([fact.name for fact in facts])

    def _again(self, client: Client, facts: list[Fact]) -> list[Fact]:
        """Return what is new, if what came before comes again as `ext.ack` brings it: whole batches, in their order."""
        if not (client.confirms and "duplicate" in self._disturb):
            return facts
        names = [fact.name for fact in facts]
        before: list[str] = []
        for batch in reversed([one for one in client.batches if one]):
            before = list(dict.fromkeys([*batch, *before]))
            if names[: len(before)] == before:
                return facts[len(before) :]
        return facts

    def _in_order(self, client: Client, fact: Fact) -> None:
        """What stands before an event in one of its lines comes before it, if it was caused before it came."""
        came = set(client.came)
        for line in fact.lines:
            for name in self._facts.lines.get(line, ()):
                if name == fact.name:
                    break
                before = self._named[name]
                is_due = before.session == fact.session and self._may(client, before) and self._hears_of(client, before)
                if name not in came and is_due:
                    self._say(client, f"{fact.name} came before {name}, which stands before it in the line '{line}'")

    def _may(self, client: Client, fact: Fact) -> bool:
        """Whether what an event follows has happened."""
        cause = fact.cause
        if cause.kind == "request":
            return cause.place in self._requested
        return client.reached[cause.kind, cause.name] >= cause.number

    def _hears_of(self, client: Client, fact: Fact) -> bool:
        """Whether an event can come to a client: it subscribed where the recorded one had, or has a stream open."""
        if fact.stream:
            return bool(client.streams) and fact.data is not None
        return not fact.is_covered or any(fits(pattern, fact.channel) for pattern in client.subscribed)

    # -- words

    def _client(self, name: str) -> Client:
        if name not in self._clients:
            session = self._sessions[name] if self._sessions is not None else None
            mine = tuple(f for f in self._facts.events if session is None or f.session in (session, None))
            self._clients[name] = Client(name, session, Names(mine))
        return self._clients[name]

    def _say(self, client: Client, text: str) -> None:
        self.found.append(f"{client.name}: {text}" if client.name else text)

    def _label(self, place: int) -> str:
        triple = self._facts.requests[place]
        request = f"{triple.request.method} {triple.request.target}"
        return f"triple {triple.n} {triple.operation}" if triple.n else request

    def _cause(self, cause: Cause) -> str:
        if cause.kind == "request":
            return f"the request of {self._label(cause.place)}"
        return f"the {cause.kind} {cause.name} number {cause.number}"


def _names(message: Message) -> list[str]:
    wanted: Any = message.get("subscription")
    return [name for name in (wanted if isinstance(wanted, list) else [wanted]) if isinstance(name, str)]


def _is_lost(reply: Message) -> bool:
    error = str(reply.get("error", ""))
    return reply.get("successful") is False and error.startswith(_LOST)
