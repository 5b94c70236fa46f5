"""Judge one live recording against the one that was driven: each difference gets a tier, and is told once. Sans-IO.

What the differences between two recordings show counts; the findings of the driver say why something was not sent, and
add what stands in no triple, such as a refused subscription.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from itertools import groupby

from ..dialect.definition import Dialect
from ..dialect.paths import parse_json
from ..diff.differences import Changed, Comparison, Difference, What
from ..drive.engine.plan import Finding, Found
from ..frozen import dataclass
from ..model import JSON, Event, Recording, State, Triple
from ..redaction.policy import Policy
from ..requests.bindings import ABSENT
from .evidence import Evidence, Kind, title_of
from .fields import Fields, Mark, shown
from .judged import Judged, Key, Place, Rule, Tier, pattern_of, split
from .pushed import Heard, likened, reunited
from .repeats import with_required

_NOBODY = -1  # the home of events nobody asked for
_FIELDS = frozenset({What.FIELD_ADDED, What.FIELD_REMOVED, What.FIELD_CHANGED, What.FIELD_TYPED, What.RENAMED})
_PREFLIGHT = "OPTIONS"


@dataclass(frozen=True, slots=True)
class Run:
    """What one drive brought.

    Attributes:
        recording: What was on the wire.
        findings: What the driver found.
        bindings: Each recorded value that the driver bound, with its live one.
        has_stalled: Whether the driver stopped before the end.
    """

    recording: Recording
    findings: Sequence[Finding] = ()
    bindings: Sequence[tuple[str, str]] = ()
    has_stalled: bool = False


def judge(
    old: Recording,
    new: Recording,
    dialect: Dialect,
    policy: Policy | None = None,
    *,
    findings: Sequence[Finding] = (),
    bindings: Sequence[tuple[str, str]] = (),
    has_stalled: bool = False,
) -> list[Judged]:
    """Return what a live recording has other than the recorded one, the weightiest first; times are not compared.

    Args:
        old: What was driven.
        new: What was on the wire of the drive.
        dialect: The dialect by which both are read.
        policy: The policy by which one or both were redacted, None if neither was.
        findings: What the driver found.
        bindings: Each recorded value that the driver bound, with its live one.
        has_stalled: Whether the driver stopped before the end; what it did not send is no finding then.
    """
    run = Run(new, findings, bindings, has_stalled)
    return with_required(judge_run(old, run, dialect, policy))


def judge_run(
    old: Recording, run: Run, dialect: Dialect, policy: Policy | None = None, number: int = 1
) -> list[Judged]:
    """Return what one run found; a field that is new in all messages counts only when all runs are joined."""
    return _Judge(old, run, dialect, policy, number).all()


class _Judge:
    def __init__(self, old: Recording, run: Run, dialect: Dialect, policy: Policy | None, number: int) -> None:
        self._old, self._new, self._dialect, self._run, self._number = old, run.recording, dialect, run, number
        self._comparison = Comparison(old, run.recording, dialect, policy, bound=run.bindings)
        self._evidence = Evidence(old)
        self._live = Evidence(run.recording)
        self._fields = Fields(self._evidence, self._live, self._comparison.bound, dialect)
        self._marks: list[tuple[int, Kind, Mark]] = []  # with the number of the triple
        self._missing: list[Heard] = []
        self._surplus: list[Heard] = []
        self._twins: defaultdict[Hashable, list[Event]] = defaultdict(list)  # equal events of one client
        self._home_of: dict[tuple[int, int], int] = {}  # place of the triple, by the place of an event
        self._usual: dict[str, bool] = {}  # names of events
        for place, item in enumerate(self._new.triples):
            for link in item.events:
                self._twins[self._twin(link.event)].append(link.event)
                self._home_of[_place(link.event)] = place
        for pushed in self._new.unsolicited:
            self._twins[self._twin(pushed.event)].append(pushed.event)
            self._home_of[_place(pushed.event)] = _NOBODY
        self._found = {found: [one for one in run.findings if one.found is found] for found in Found}

    def all(self) -> list[Judged]:
        for home, change in enumerate(self._comparison.all()):
            item = change.old or change.new
            if item is None:
                self._messages(change, _NOBODY)
            elif item.request.method != _PREFLIGHT:
                self._change(change, home)
        self._reunite()
        for finding in self._run.findings:
            self._told(finding)
        return self._joined()

    def _mark(self, n: int, operation: str, part: str, mark: Mark, channel: str = "") -> None:
        self._marks.append((n, (operation, part, channel), mark))

    # exchanges

    def _change(self, change: Changed, home: int) -> None:
        old, new = change.old, change.new
        if old is None or new is None:
            self._alone(old, new)
            return
        refusal = _refusal(new, self._dialect)
        was_refused = _refusal(old, self._dialect) is not None
        title = title_of(old)
        if refusal is not None and not was_refused:
            # what a refused operation lacks, and what it says instead, follows from the refusal
            values = [(one.old, one.new) for one in change.differences if one.where == refusal.where]
            mark = Mark(Tier.ERROR, Rule.REFUSED, refusal.where, refusal.text, *(values or [(ABSENT, refusal.new)])[0])
            self._mark(old.n, title, refusal.part, mark)
        elif was_refused and refusal is None:
            text = "was refused in the recording"
            self._mark(old.n, title, "ack", Mark(Tier.INFO, Rule.ACCEPTED, "ack", text, *_statuses(old, new)))
        else:
            self._messages(change, home)

    def _alone(self, old: Triple | None, new: Triple | None) -> None:
        if old is None:
            if new is not None:
                self._mark(0, title_of(new), "request", Mark(Tier.INFO, Rule.MORE, "", "was not in the recording"))
            return
        repeated = {first for first, _ in self._old.attempts}
        explained = [one for kind in (Found.LEFT_OUT, Found.FAILED) for one in self._found[kind]]
        if self._run.has_stalled or old.request.seq in repeated or any(one.n == old.n for one in explained):
            return
        tier = Tier.ERROR if old.n else Tier.INFO
        self._mark(old.n, title_of(old), "request", Mark(tier, Rule.UNSENT, "", "is not in the live recording"))

    # messages

    def _messages(self, change: Changed, home: int) -> None:
        """Mark the differences of two triples, or of the events nobody asked for, message by message."""
        old = change.old
        n, title = (old.n, title_of(old)) if old is not None else (0, "")
        # places of new events are those of the new recording
        by_message = groupby(change.differences, lambda one: (*split(one.where)[:2], one.what is What.EVENT_NEW))
        for (head, place, _), several in by_message:
            found = list(several)
            if head in ("events", "unsolicited"):
                self._event(change, home, place, found)
            elif head == "ack":
                for mark in self._ack(found, title):
                    self._mark(n, title, "ack", mark)
            elif head == "request":
                for one in found:
                    text = f"{shown(one.old)} was sent, now {shown(one.new)}"
                    self._mark(n, title, "request", Mark(Tier.INFO, Rule.SENT, one.where, text, one.old, one.new))

    def _ack(self, found: Sequence[Difference], title: str) -> Iterator[Mark]:
        for one in found:
            change = f"{shown(one.old)} became {shown(one.new)}"
            match one.what:
                case What.STATUS:
                    yield Mark(Tier.WARNING, Rule.STATUS, one.where, change, one.old, one.new)
                case What.ACK_MISSING:
                    yield Mark(Tier.ERROR, Rule.ANSWER, one.where, f"none came: {one.new}", one.old, one.new)
                case What.ACK_NEW:
                    text = f"one came that is not in the recording: {shown(one.new)}"
                    yield Mark(Tier.INFO, Rule.ACCEPTED, one.where, text, one.old, one.new)
        yield from self._fields.marks([one for one in found if one.what in _FIELDS], (title, "ack", ""))

    def _event(self, change: Changed, home: int, place: int, found: Sequence[Difference]) -> None:
        alone = found[0].what
        heard = self._heard(change, home, place, is_new=alone is What.EVENT_NEW)
        if home == _NOBODY and self._dialect.is_ignored(heard.event):
            return
        if alone in (What.EVENT_MISSING, What.EVENT_NEW):
            (self._missing if alone is What.EVENT_MISSING else self._surplus).append(heard)
            return
        for one in found:
            if one.what is What.EVENT_MOVED:
                text = f"was event {_of(one.old)}, and is event {_of(one.new)}"
                mark = Mark(Tier.ERROR, Rule.ORDER, one.where, text, one.old, one.new)
                self._mark(heard.n, heard.operation, heard.name, mark)
        self._pushed(heard, found)

    def _pushed(self, heard: Heard, found: Sequence[Difference]) -> None:
        """Mark what differs in an event that both recordings have."""
        marks = [
            Mark(Tier.ERROR, Rule.CHANNEL, one.where, f"came over {one.old}, now over {one.new}", one.old, one.new)
            for one in found
            if one.what is What.CHANNEL
        ]
        channel = heard.event.channel
        kind = heard.operation, heard.name, channel
        marks += self._fields.marks([one for one in found if one.what in _FIELDS], kind)
        for mark in marks:
            self._mark(heard.n, heard.operation, heard.name, mark, channel)

    def _heard(self, change: Changed, home: int, place: int, *, is_new: bool) -> Heard:
        side = change.new if is_new else change.old
        if side is None:
            one = (self._new if is_new else self._old).unsolicited[place]
            return Heard(one.event, one.name, 0, "", f"unsolicited[{place}]", _NOBODY)
        link, item = side.events[place], change.old or side
        return Heard(link.event, link.name, item.n, title_of(item), f"events[{place}]", home)

    # events without a partner

    def _reunite(self) -> None:
        surplus = [one for one in self._surplus if not self._is_doubled(one)]
        missing = list(self._missing)
        for old, new in reunited(self._missing, surplus):
            missing.remove(old)
            surplus.remove(new)
            self._pair(old, new)
        for one in missing:
            self._is_missing(one)
        for one in surplus:
            # how often a server tells its state depends on time
            is_known = one.home == _NOBODY and self._evidence.knows("", one.name)
            text = f"{shown(one.event.data)} over {one.event.channel}"
            mark = Mark(Tier.INFO if is_known else Tier.WARNING, Rule.SURPLUS, one.where, text, new=one.event.data)
            self._mark(one.n, one.operation, one.name, mark)

    def _pair(self, old: Heard, new: Heard) -> None:
        found = self._comparison.event(old.event, new.event, old.where)
        if old.name != new.name and old.event.channel == new.event.channel:
            told = [one for one in found if (one.old, one.new) == (old.name, new.name)]
            where = told[0].where if told else old.where
            mark = Mark(Tier.ERROR, Rule.KIND, where, f"came as {new.name}", old.name, new.name)
            self._mark(old.n, old.operation, old.name, mark)
            found = [one for one in found if one not in told]
        self._pushed(old, found)

    def _is_doubled(self, one: Heard) -> bool:
        """Mark a surplus event that equals another one which the same client heard, and return whether it does."""
        twins = (event for event in self._twins[self._twin(one.event)] if _place(event) != _place(one.event))
        if one.home != _NOBODY:
            siblings = self._home_of[_place(one.event)]
            other = next((event for event in twins if self._home_of[_place(event)] == siblings), None)
        else:
            other = None if self._is_usual(one.name) else next(twins, None)
        if other is None:
            return False
        mark = Mark(Tier.ERROR, Rule.DOUBLED, one.where, "came twice", new=one.event.data)
        self._mark(one.n, one.operation, one.name, mark)
        return True

    def _live_events(self) -> Iterator[Event]:
        yield from (link.event for item in self._new.triples for link in item.events)
        yield from (pushed.event for pushed in self._new.unsolicited)

    def _is_usual(self, name: str) -> bool:
        """Return whether events of a name came twice in the recording, too: a state may be told again and again."""
        if name not in self._usual:
            own = [likened(one.event, self._dialect) for one in self._old.unsolicited if one.name == name]
            self._usual[name] = len(set(own)) < len(own)
        return self._usual[name]

    def _twin(self, event: Event) -> Hashable:
        return event.client_id, likened(event, self._dialect)

    def _is_missing(self, one: Heard) -> None:
        is_told = any(finding.n == one.n for finding in self._found[Found.MISSING_EVENT])
        if self._run.has_stalled and not is_told:
            return  # the driver did not wait for it
        # without a session (a refused handshake) nothing is pushed at all
        may_follow = not one.n or next(self._live_events(), None) is None
        follows = may_follow and not is_told and (self._found[Found.LEFT_OUT] or self._found[Found.REFUSED])
        text = f"did not come over {one.event.channel}"
        if follows:
            text += ": an earlier request was not sent, or was refused"
        mark = Mark(Tier.INFO if follows else Tier.ERROR, Rule.MISSING, one.where, text, old=one.event.data)
        self._mark(one.n, one.operation, one.name, mark)

    # the driver's findings

    def _told(self, finding: Finding) -> None:
        errors = [(n, kind[0]) for n, kind, mark in self._marks if mark.tier is Tier.ERROR]
        is_known = any(n == finding.n and (n or _stands(operation, finding)) for n, operation in errors)
        told = {
            Found.LOST: (Tier.INFO, Rule.LOST),
            Found.LEFT_OUT: (Tier.INFO if errors else Tier.ERROR, Rule.UNSENT),
            Found.NO_VALUE: (Tier.INFO if errors else Tier.ERROR, Rule.GONE),
        }.get(finding.found)
        if told is None and not is_known:
            told = {
                Found.REFUSED: (Tier.ERROR, Rule.REFUSED),
                Found.MISSING_ANSWER: self._unanswered(finding),
                Found.FAILED: (Tier.ERROR, Rule.FAILED),
                Found.MISSING_EVENT: self._late(finding),
            }.get(finding.found)
        if told is not None:
            tier, rule = told
            self._mark(finding.n, finding.where, "", Mark(tier, rule, "", finding.text))

    def _unanswered(self, finding: Finding) -> tuple[Tier, Rule]:
        """Return what it means that the driver missed an answer; the wire may have seen it later."""
        came = finding.n and not self._run.has_stalled
        return (Tier.WARNING, Rule.LATE) if came else (Tier.ERROR, Rule.ANSWER)

    def _late(self, finding: Finding) -> tuple[Tier, Rule] | None:
        """Return what it means that the driver missed an event; it may have come when nobody waited any more."""
        if self._run.has_stalled:
            return Tier.ERROR, Rule.MISSING
        if any(mark.rule is Rule.MISSING for n, _, mark in self._marks if n == finding.n):
            return None
        if any(one.at < finding.at for one in self._found[Found.UNEXPECTED]):
            return None  # it came in time, and the driver took it for another one
        return Tier.WARNING, Rule.LATE

    def _joined(self) -> list[Judged]:
        groups: dict[Key, list[tuple[int, Kind, Mark]]] = {}
        for n, kind, mark in self._marks:
            head, place, rest = split(mark.where)
            name = f"{head}[{kind[1]}]" if place >= 0 else head
            key = mark.rule, *kind[:2], ".".join(filter(None, (name, pattern_of(rest))))
            groups.setdefault(key, []).append((n, kind, mark))
        found = []
        for (rule, operation, part, pattern), several in groups.items():
            tier = max((mark.tier for _, _, mark in several), key=lambda tier: tier.weight)
            first = next(mark for _, _, mark in several if mark.tier is tier)
            places = tuple(Place(self._number, n, mark.where) for n, _, mark in several)
            among = sum(self._live.messages[kind] for kind in {kind for _, kind, _ in several})
            one = Judged(tier, rule, operation, part, pattern, first.text, places, first.old, first.new, among)
            found.append(one)
        return sorted(found, key=lambda one: -one.tier.weight)


@dataclass(frozen=True, slots=True)
class _Refusal:
    part: str
    where: str
    text: str
    new: JSON


def _refusal(item: Triple, dialect: Dialect) -> _Refusal | None:
    """Return where and how an operation was refused: by a status, by a code in the ack, or by an error event."""
    ack = item.ack
    if ack is not None and not 300 <= ack.status < 400 and not dialect.succeeded(ack):  # RFC 9110, section 15.4
        body = shown(parse_json(ack.body) or ack.body.decode("utf-8", "replace"))
        if ack.status >= 400:  # RFC 9110, section 15.5
            return _Refusal("ack", "ack.status", f"with status {ack.status}: {body}", ack.status)
        return _Refusal("ack", f"ack.{next(iter(dialect.ack_status), 'body')}", f"by {body}", ABSENT)
    if item.state is State.FAILED:
        for place, link in enumerate(item.events):
            if dialect.is_error(link.event):
                text = f"by event {link.name}: {shown(link.event.data)}"
                return _Refusal(link.name, f"events[{place}]", text, link.event.data)
    return None


def _statuses(old: Triple, new: Triple) -> tuple[JSON, JSON]:
    one, other = (ABSENT if item.ack is None else item.ack.status for item in (old, new))
    return one, other


def _of(place: object) -> int:
    return int(place) + 1 if isinstance(place, int) else 0


def _stands(operation: str, finding: Finding) -> bool:
    return operation in finding.where if operation else finding.found is Found.MISSING_EVENT


def _place(event: Event) -> tuple[int, int]:
    return event.seq, event.index
