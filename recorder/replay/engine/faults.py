"""Do things wrong on purpose, at places named by operation or event, and in each run at the same places.

    faults = Faults([parse("drop event PreviewRecord#2"), parse("http 500 CompleteRecord")], recording, seed=7)
    played = faults.play("p1", triple.operation, steps(triple), rate)

| text | what happens |
|---|---|
| `drop event NAME[#K]` | the event does not come |
| `duplicate event NAME[#K]` | it comes twice, one right after the other |
| `reorder event NAME[#K]` | it changes places with the next event of its operation, if there is one |
| `delay event NAME[#K] 3s`, `delay ack OPERATION[#K] 300ms` | it comes later, and all behind it as much later |
| `http 500 OPERATION[#K]` | the request fails with this status (400 to 599) and causes nothing |
| `no answer OPERATION[#K]` | the ack does not come; the events do |
| `unknown-client after OPERATION[#K]` | with the ack, the server forgets the client's Bayeux session |
| `cut websocket after OPERATION[#K]` | with the ack, the client's WebSocket ends |
| `cut stream after OPERATION[#K]`, `… EVENT[#K]` | the stream or plain WebSocket breaks off behind it |
| `stall heartbeat[#K]` | heartbeats stop, from the K-th on: comments, and what the dialect ignores |
| `end session after OPERATION[#K]`, `… EVENT[#K]` | the server ends the session: /meta/disconnect, advice `none` |
| `expire session after 10s idle` | a session without a poll for longer is lost: `402::session_unknown` |
| `refuse handshake[#K] [N times] [with 'ERROR']` | the handshake is refused |
| `refuse subscribe CHANNEL[#K] [N times] [with 'ERROR']` | the subscription is refused, others are not |
| `refuse publish CHANNEL[#K] [N times] [with 'ERROR']` | the publish is refused, others are not |

NAME is a notification, e.g. PreviewRecord, or a channel; an event that is sent on two channels counts twice under its
notification. `#K` is the K-th of a live session, from 1; `NAME 10%` each with this probability; neither means every
one, but for `http` and `refuse` the first: a client that tries again shall get on. Occurrences are counted when
their request comes, in recorded order, so neither pace nor polls change what is hit. What one fault takes away no other
fault hits.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from functools import cached_property
from hashlib import sha256
from itertools import accumulate, chain, pairwise
from typing import Any, NamedTuple, Self, TypeAlias

from ...bayeux import channels
from ...errors import UsageError
from ...model import AnchorKind, Recording, Reply
from ...printable import printable
from ...requests.index.rows import SUMMARY, summary_in
from .timeline import Cuts, Step

_ADDRESS = re.compile(r"([^#]+)(?:#([1-9][0-9]{0,8}))?")
_PERCENT = re.compile(r"(100|[0-9]{1,2}(?:\.[0-9]{1,9})?)%")
_STATUS = re.compile(r"[45][0-9]{2}")
_TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s)")
_ERROR = re.compile(r"\swith\s+'([^']+)'\s*")  # quoted, because an error may have spaces in it
_TIMES = re.compile(r"[1-9][0-9]{0,5}")
_IDLE = re.compile("idle")
_LONGEST, _SOME = 100, 12  # characters of a text, and names, that an error shows


class Kind(Enum):
    """Kinds of faults; the value is the first words of the text of a fault."""

    DROP = "drop event"
    DUPLICATE = "duplicate event"
    REORDER = "reorder event"
    DELAY_EVENT = "delay event"
    DELAY_ACK = "delay ack"
    HTTP = "http"
    NO_ANSWER = "no answer"
    FORGET = "unknown-client after"
    CUT = "cut websocket after"
    CUT_STREAM = "cut stream after"
    STALL = "stall heartbeat"
    END = "end session after"
    EXPIRE = "expire session after"
    REFUSE_HANDSHAKE = "refuse handshake"
    REFUSE_SUBSCRIBE = "refuse subscribe"
    REFUSE_PUBLISH = "refuse publish"


EXAMPLES = {
    Kind.DROP: "drop event PreviewRecord#2",
    Kind.DUPLICATE: "duplicate event ChainedRecord 10%",
    Kind.REORDER: "reorder event ChainedRecord#1",
    Kind.DELAY_EVENT: "delay event PreviewRecord#1 300ms",
    Kind.DELAY_ACK: "delay ack GetChainedRecord 3s",
    Kind.HTTP: "http 500 CompleteRecord#1",
    Kind.NO_ANSWER: "no answer CompleteRecord#1",
    Kind.FORGET: "unknown-client after GetPreviewRecord#1",
    Kind.CUT: "cut websocket after GetPreviewRecord#1",
    Kind.CUT_STREAM: "cut stream after PreviewRecord#1",
    Kind.STALL: "stall heartbeat#2",
    Kind.END: "end session after GetPreviewRecord#1",
    Kind.EXPIRE: "expire session after 10s idle",
    Kind.REFUSE_HANDSHAKE: "refuse handshake 2 times with '403::Handshake denied'",
    Kind.REFUSE_SUBSCRIBE: "refuse subscribe /news/*",
    Kind.REFUSE_PUBLISH: "refuse publish /service/chat with '403::publish denied'",
}
_Part: TypeAlias = tuple[Step, list[int]]  # a step, and the places of the faults whose turn it is
# Kinds that refuse Bayeux messages, with the errors of CometD's Java server (`BayeuxServerImpl`).
_REFUSALS = {
    Kind.REFUSE_HANDSHAKE: "403::Handshake denied",
    Kind.REFUSE_SUBSCRIBE: "403:denied_by_security_policy:subscribe_denied",
    Kind.REFUSE_PUBLISH: "403:denied_by_security_policy:publish_denied",
}
_COUNTED_APART = {*_REFUSALS, Kind.STALL}
# What Java's ServerSession.disconnect() sends to a held poll.
_ASKED = {
    Kind.REFUSE_HANDSHAKE: channels.HANDSHAKE,
    Kind.REFUSE_SUBSCRIBE: channels.SUBSCRIBE,
    Kind.REFUSE_PUBLISH: "",
}
_ENDED: dict[str, Any] = {"channel": channels.CONNECT, "successful": True, "advice": {"reconnect": "none"}}
_DISCONNECT: dict[str, Any] = {"channel": channels.DISCONNECT, "successful": True}
_OF_EVENTS = {Kind.DROP, Kind.DUPLICATE, Kind.REORDER, Kind.DELAY_EVENT}
_AFTER_ANY = {Kind.END, Kind.CUT_STREAM}  # kinds that name an operation or an event
_UNNAMED = {Kind.REFUSE_HANDSHAKE: "handshake", Kind.STALL: "heartbeat"}  # kinds that name nothing, and what they count
_DELAYS = {Kind.DELAY_EVENT, Kind.DELAY_ACK}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        text: As given, but with single spaces.
        name: The event's notification or channel, or the operation.
        nth: Which one of a live session, None for any.
        chance: How likely each is hit, 0..1.
        seconds: How much later, on the client's clock whatever the rate: clients do not run faster.
        status: HTTP status of the answer.
        times: How many in a row are hit, from `nth` or the first on; None where `nth` says which.
        error: Error of a refusal.

    """

    text: str
    kind: Kind
    name: str
    nth: int | None = None
    chance: float = 1.0
    seconds: float = 0.0
    status: int = 0
    times: int | None = None
    error: str = ""


class Played(NamedTuple):
    """The steps of an operation after faults have hit it.

    Attributes:
        steps: What leaves; no ack where the request is not answered.
        rate: The pace at which the steps' offsets are meant; 1 once a delay is among them.
        status: Answer with this and `body`, as recorded where it is None. Nothing was carried out then, so the recorded
            request is still there for a client that tries again.
        forget: When the ack has left, forget the client's Bayeux session.
        cut: When the ack has left, end the client's WebSocket.

    """

    steps: tuple[Step, ...]
    rate: float
    status: int | None = None
    body: bytes = b""
    forget: bool = False
    cut: bool = False


def parse(text: str) -> Fault:
    """Parse the text of a fault.

    Raises:
        UsageError: If the text is no fault; says what is wrong, and what would be right.

    """
    said = _ERROR.search(text)
    given = " ".join((text if said is None else text[: said.start()]).split())
    words = re.sub("^(refuse handshake|stall heartbeat)#", r"\1 #", given).split()
    kind = next((kind for kind in Kind if words[: _length(kind)] == kind.value.split()), None)
    if kind is None:
        begins = [kind.value for kind in Kind]
        close = get_close_matches(" ".join(words[:2])[:_LONGEST], begins, n=1, cutoff=0.0)
        raise _wrong(text, f"it should begin with one of: {', '.join(begins)}", EXAMPLES[Kind(close[0])])
    if said is not None and (kind not in _REFUSALS or said.end() < len(text)):
        problem = "no word may follow the error" if kind in _REFUSALS else "only a refusal has an error"
        raise _wrong(text, problem, EXAMPLES[kind])
    error = _REFUSALS.get(kind, "")
    if said is not None:
        given, error = f"{given} with '{said[1]}'", said[1]
    return _Words(text, kind, words[_length(kind) :]).fault(given, error)


@dataclass(slots=True)
class _Words:
    """The words of a fault behind those of its kind; each is taken out once it is understood."""

    text: str
    kind: Kind
    rest: list[str]

    def fault(self, given: str, error: str) -> Fault:
        kind, rest = self.kind, self.rest
        if kind is Kind.EXPIRE:
            idle = self._take(0, _TIME, "a time such as 10s or 300ms")
            self._take(0, _IDLE, "the word idle at the end")
            self._end()
            return Fault(given, kind, "", seconds=_in_seconds(idle))
        times = self._times() if kind in _REFUSALS else None
        if kind in _UNNAMED:  # it has no channel to name, but perhaps a number
            name = _UNNAMED[kind]
            rest[:1] = [f"{name}{rest[0]}"] if rest and rest[0].startswith("#") else [name, *rest[:1]]
        status = self._take(0, _STATUS, "a status from 400 to 599")[0] if kind is Kind.HTTP else "0"
        time = self._take(-1, _TIME, "a time such as 3s or 300ms") if kind in _DELAYS else None
        by_chance = len(rest) > 1 and rest[-1].endswith("%")
        chance = self._take(-1, _PERCENT, "a probability from 0% to 100%")[1] if by_chance else "100"
        name, nth = self._take(0, _ADDRESS, f"the name of {_noun(kind)}, perhaps with #1, #2 … behind it").groups()
        self._end()
        if by_chance and (nth or times):
            problem = "write # or %, not both" if nth else "write times or %, not both"
            raise _wrong(self.text, problem, EXAMPLES[kind])
        nth = int(nth) if nth else 1 if kind is Kind.HTTP and not by_chance else None
        times = times or (1 if kind in _REFUSALS and not by_chance else None)
        return Fault(given, kind, name, nth, float(chance) / 100, _in_seconds(time), int(status), times, error)

    def _times(self) -> int | None:
        if len(self.rest) < 2 or self.rest[-1] not in ("times", "time"):
            return None
        del self.rest[-1]
        return int(self._take(-1, _TIMES, "a number before times")[0])

    def _take(self, place: int, form: re.Pattern[str], what: str) -> re.Match[str]:
        word = self.rest.pop(place) if self.rest else ""
        found = form.fullmatch(word)
        if found is None:
            problem = f"there should be {what}" + (f", not {_shown(word)}" if word else "")
            raise _wrong(self.text, problem, EXAMPLES[self.kind])
        return found

    def _end(self) -> None:
        if self.rest:
            raise _wrong(self.text, f"{_shown(' '.join(self.rest))} is too much", EXAMPLES[self.kind])


def _in_seconds(time: re.Match[str] | None) -> float:
    return float(time[1]) / (1000 if time[2] == "ms" else 1) if time else 0.0


def _noun(kind: Kind) -> str:
    if kind in _AFTER_ANY:
        return "an operation or event"
    if kind in _REFUSALS:
        return "a channel"
    return "an event, or its channel" if kind in _OF_EVENTS else "an operation"


class Names(NamedTuple):
    """The names in a recording that a fault may refer to.

    Attributes:
        operations: Names of the operations.
        events: Names and channels of the events.
        has_heartbeats: Some event is one that the dialect ignores.
    """

    operations: frozenset[str]
    events: frozenset[str]
    has_heartbeats: bool

    @classmethod
    def of(cls, recording: Recording) -> Self:
        """Return the names in a recording, from its index if it has one."""
        if recording.index is not None and (summary := summary_in(recording.index.table(SUMMARY))):
            return cls(
                frozenset(summary["operations"]), frozenset(summary["events"]), has_heartbeats=summary["has_heartbeats"]
            )
        operations = frozenset(triple.operation for triple in recording.triples if triple.operation is not None)
        links = ((link.name, link.event.channel) for triple in recording.triples for link in triple.events)
        pushed = ((pushed.name, pushed.event.channel) for pushed in recording.unsolicited)
        is_ignored = any(pushed.is_ignored for pushed in recording.unsolicited)
        return cls(operations, frozenset(chain.from_iterable(chain(links, pushed))), has_heartbeats=is_ignored)


def check(faults: Sequence[Fault], recording: Recording, names: Names | None = None) -> None:
    """Check that each fault names an operation or event of a recording.

    Raises:
        UsageError: At the first fault that does not; suggests the nearest name.

    """
    if not faults:
        return
    operations, events, has_heartbeats = names or Names.of(recording)
    for fault in faults:
        if fault.kind is Kind.STALL and not has_heartbeats:
            raise UsageError(f"fault {_shown(fault.text)}: the recording has no heartbeats")
        if fault.kind is Kind.EXPIRE or fault.kind in _UNNAMED:
            continue
        what, its = ("event", events) if fault.kind in _OF_EVENTS else ("operation", operations)
        if fault.kind in _AFTER_ANY:
            what, its = "operation or event", operations | events
        elif fault.kind in _REFUSALS:
            what, its = _asked(fault.kind, recording)
        if fault.name not in its:
            known = sorted(its)
            close = get_close_matches(fault.name, known, n=1)
            some = ", ".join(known[:_SOME]) + (" …" if len(known) > _SOME else "")
            hint = f"did you mean {close[0]}?" if close else f"it has {some or 'none at all'}"
            example = _renamed(fault, [*close, *known][0]) if known else EXAMPLES[fault.kind]
            raise _wrong(fault.text, f"the recording has no {what} {_shown(fault.name)}, {hint}", example)


def _asked(kind: Kind, recording: Recording) -> tuple[str, frozenset[str]]:
    """Return what a refusal is about, and the channels or patterns that clients subscribed to, or published on."""
    subscribes = kind is Kind.REFUSE_SUBSCRIBE
    wanted = AnchorKind.SUBSCRIPTION if subscribes else AnchorKind.PUBLISH
    names = {message.name for message in recording.messages if message.kind is wanted}
    for reply in recording.replies:
        if subscribes and reply.asked == channels.SUBSCRIBE:
            names.add(reply.name)
        elif not subscribes and not channels.is_meta(reply.asked):
            names.add(reply.asked)
    return "subscription to" if subscribes else "publish on", frozenset(names)


def _renamed(fault: Fault, name: str) -> str:
    """Return the text of a fault with another name in it."""
    words, place = fault.text.split(), _length(fault.kind) + (fault.kind is Kind.HTTP)
    words[place] = name + words[place][len(fault.name) :]
    return " ".join(words)


class Faults:
    """Faults played to live sessions; occurrences are counted for each session.

    Chance depends on seed, session, fault and count, not on other sessions: runs are repeatable.
    """

    def __init__(self, faults: Sequence[Fault], recording: Recording, *, seed: int = 0) -> None:
        """Start with nothing counted.

        Raises:
            UsageError: If one names nothing in the recording.

        """
        self._faults: tuple[Fault, ...] = ()
        self._seed, self._recording = seed, recording
        self.refuse_messages = False  # some fault refuses Bayeux messages
        self.refuse_handshakes = False
        self.longest_idle: float | None = None  # seconds after which a session without a poll is lost
        self._seen: dict[str, Counter[int]] = defaultdict(Counter)  # by session: how often each fault's name came
        self._fired: Counter[int] = Counter()
        self.add(faults)

    def add(self, faults: Sequence[Fault]) -> None:
        """Add faults; counts stay as they are.

        Raises:
            UsageError: If one names nothing in the recording.

        """
        if faults:
            check(faults, self._recording, self._names)
        self._faults = (*self._faults, *faults)
        self._notice()

    @cached_property
    def _names(self) -> Names:
        return Names.of(self._recording)

    def refuse(self, session: str, asked: str, name: str) -> str | None:
        """Return the error with which a Bayeux message is refused, None where it is not.

        Args:
            session: The live session.
            asked: Channel of the message.
            name: Channel or pattern that it subscribes to, or publishes on.

        """
        for kind in _REFUSALS:
            if _ASKED[kind] == (asked if channels.is_meta(asked) else ""):
                named = name if kind is not Kind.REFUSE_HANDSHAKE else "handshake"
                fired = self._fire(kind, self._hits(session, (named,), of_events=False, kinds=(kind,)), most=1)
                return fired[0].error if fired else None
        return None

    def expired(self) -> None:
        """Count a session that was lost because it was idle."""
        idle = [place for place, fault in enumerate(self._faults) if fault.kind is Kind.EXPIRE]
        self._fired.update(place for place in idle if self._faults[place].seconds == self.longest_idle)

    def _notice(self) -> None:
        self.refuse_messages = any(fault.kind in _REFUSALS for fault in self._faults)
        self.refuse_handshakes = any(fault.kind is Kind.REFUSE_HANDSHAKE for fault in self._faults)
        self.longest_idle = min((f.seconds for f in self._faults if f.kind is Kind.EXPIRE), default=None)

    def clear(self) -> None:
        """Remove all faults and counts."""
        self._faults = ()
        self._notice()
        self._seen.clear()
        self._fired.clear()

    def play(self, session: str, operation: str | None, steps: tuple[Step, ...], rate: float) -> Played:
        """Apply the faults to the steps of an operation, or to unsolicited events (`operation` is None then).

        Where no fault hits, the steps that come back are the very ones that were given.
        """
        if not self._faults:
            return Played(steps, rate)
        asked = self._hits(session, (operation,), of_events=False)
        silent = self._fire(Kind.NO_ANSWER, asked)
        asked = [] if silent else asked  # what hangs on an ack needs one
        failed = self._fire(Kind.HTTP, asked, most=1)
        parts: list[_Part] = []
        for step in steps:
            if step.event is not None and not failed:
                names = (step.name, step.event.channel)
                parts.append((step, self._hits(session, names, of_events=True) + self._stalled(session, step)))
            elif step.event is None and not silent and (step.is_ack or step.said is not None):
                parts.append((step, asked))
            elif step.event is None and not silent and not failed:
                parts.append((step, []))  # what follows an ack, or ends a stream, counts for nothing
        lost = (Kind.DROP, Kind.STALL)
        left = [(step, hits) for step, hits in parts if not any(self._fire(kind, hits) for kind in lost)]
        parts = self._reordered(left)
        parts, rate = self._delayed(parts, rate)
        new = tuple(copy for step, hits in parts for copy in self._copies(step, hits))
        return Played(
            steps if new == steps else new,
            rate,
            failed[0].status if failed else None,
            _body(failed[0]) if failed else b"",
            forget=bool(self._fire(Kind.FORGET, asked)),
            cut=bool(self._fire(Kind.CUT, asked)),
        )

    def _copies(self, step: Step, hits: list[int]) -> list[Step]:
        """Return a step as often as it leaves, with the end of the session behind it."""
        copies = [step] * (1 + len(self._fire(Kind.DUPLICATE, hits)))
        if self._fire(Kind.END, hits, most=1):
            end = Reply(step.order, 0, None, "", channels.CONNECT, "", 0, _ENDED, _DISCONNECT)
            copies.append(Step(step.order, step.offset, None, said=end))
        if self._fire(Kind.CUT_STREAM, hits, most=1):
            cut = "" if step.event is None else step.event.client_id
            copies.append(Step(step.order, step.offset, None, on_stream=Cuts(cut), is_shared=step.is_shared))
        return copies

    def _stalled(self, session: str, step: Step) -> list[int]:
        """Count a heartbeat; return the faults (by place) that keep it back."""
        if not step.is_ignored:
            return []
        return self._hits(session, (_UNNAMED[Kind.STALL],), of_events=True, kinds=(Kind.STALL,))

    def let_go(self, session: str) -> None:
        """Forget what was counted in a session that is let go; the hits of faults stay."""
        self._seen.pop(session, None)

    def report(self) -> list[tuple[str, int]]:
        """Return the faults in the order given, and how often each one hit."""
        return [(fault.text, self._fired[place]) for place, fault in enumerate(self._faults)]

    def _hits(
        self, session: str, names: tuple[str | None, ...], *, of_events: bool, kinds: tuple[Kind, ...] = ()
    ) -> list[int]:
        """Count an occurrence; return the faults (by place) whose turn it is; `kinds` are those that count it alone."""
        found = []
        for place, fault in enumerate(self._faults):
            its = fault.name in names and self._is_of_events(fault) == of_events
            if its and (fault.kind in kinds if kinds else fault.kind not in _COUNTED_APART):
                self._seen[session][place] += 1
                if self._is_due(fault, session, self._seen[session][place]):
                    found.append(place)
        return found

    def _is_of_events(self, fault: Fault) -> bool:
        if fault.kind in _AFTER_ANY:
            return fault.name not in self._names.operations
        return fault.kind in _OF_EVENTS or fault.kind is Kind.STALL

    def _is_due(self, fault: Fault, session: str, count: int) -> bool:
        if fault.kind is Kind.STALL:
            return count >= (fault.nth or 1)
        if fault.times is not None:
            first = fault.nth or 1
            return first <= count < first + fault.times
        digest = sha256(json.dumps([self._seed, session, fault.text, count]).encode()).digest()
        return fault.nth in (None, count) and int.from_bytes(digest[:6], "big") / 2**48 < fault.chance

    def _fire(self, kind: Kind, hits: list[int], most: int | None = None) -> list[Fault]:
        """Return the faults of a kind among some hits, `most` at most, and count them as fired."""
        found = [place for place in hits if self._faults[place].kind is kind][:most]
        self._fired.update(found)
        return [self._faults[place] for place in found]

    def _reordered(self, parts: list[_Part]) -> list[_Part]:
        """Swap events with their successors: places change, times stay; an event that was moved does not move again."""
        events = [place for place, (step, _) in enumerate(parts) if step.event is not None]
        moved = -1
        for here, there in pairwise(events):
            (first, hits), (second, others) = parts[here], parts[there]
            if here != moved and self._fire(Kind.REORDER, hits):
                parts[here] = replace(second, order=first.order, offset=first.offset), others
                parts[there] = replace(first, order=second.order, offset=second.offset), hits
                moved = there
        return parts

    def _delayed(self, parts: list[_Part], rate: float) -> tuple[list[_Part], float]:
        """Return the parts with their delays, and the rate of their offsets."""
        late = [sum(fault.seconds for kind in _DELAYS for fault in self._fire(kind, hits)) for _, hits in parts]
        if not any(late):
            return parts, rate
        delays = accumulate(late)
        return [(replace(step, offset=step.offset / rate + next(delays)), hits) for step, hits in parts], 1.0


def _body(fault: Fault) -> bytes:
    # says whose it is, so that nobody looks for the error in the recording
    return json.dumps({"error": "a fault that the stand-in was told to make", "fault": fault.text}).encode()


def _length(kind: Kind) -> int:
    return len(kind.value.split())


def _wrong(text: str, problem: str, example: str) -> UsageError:
    return UsageError(printable(f"fault {_shown(text)}: {problem}; for example: {example}"))


def _shown(text: str) -> str:
    return f"'{text if len(text) <= _LONGEST else text[:_LONGEST] + '…'}'"
