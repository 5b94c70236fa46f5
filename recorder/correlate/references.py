"""Find the unsolicited events that repeat an id of what their client published: the publish caused them.

No dialect names these ids. A value of the data counts as one if it looks like an id, and was not on the wire before its
client published it. A value that belongs to the whole session, such as a device, does not count: it stands beside the
id of a later publish, or comes again after several other things, unless each publish has another value under its name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..model import JSON, Anchor, AnchorKind, ClientMessage, Recording, Request, Response, Triple
from .ordering import At, in_order, unfolded

SURE, LIKELY = 0.9, 0.7  # confidence where each publish has another value under the name of the id, and elsewhere
_WORD = re.compile(r"[\w.:@+-]{6,200}", re.ASCII)
_BYTES = re.compile(rb"[\w.:@+-]{6,200}")
_STRAYS = 2  # other things after which a value of a session comes again


@dataclass(frozen=True, slots=True)
class Reference:
    """The publish whose ids an event repeats.

    Attributes:
        at: Place of the publish on the wire.
        ids: The repeated ids, as text.
        confidence: How sure it is, from 0 to 1.
    """

    at: At
    ids: tuple[str, ...]
    confidence: float


def references(
    recording: Recording, found: Sequence[Anchor], only: str, *, is_one: bool = False
) -> dict[int, Reference]:
    """Return the references of unsolicited events, by their places among these.

    Args:
        recording: The recording.
        found: What each unsolicited event followed, in their order.
        only: Label of the session of what shows none.
        is_one: Whether the recording is of one file.
    """
    publishes = [one for one in recording.messages if one.kind is AnchorKind.PUBLISH]
    if not publishes or not found:
        return {}
    varying = _varying(publishes)
    seen = _Seen()
    repeated: dict[int, dict[str, ClientMessage]] = {}
    for moment in _moments(recording, publishes, is_one=is_one):
        match moment:
            case ClientMessage():
                seen.published(moment, moment.session or only)
            case int():
                pushed = recording.unsolicited[moment]
                repeated[moment] = seen.pushed(pushed.event.data, pushed.session or only)
            case _:
                seen.exchanged(moment)
    sure = {value for value, names in seen.names.items() if names <= varying}
    common = _common(repeated, found, sure)
    return {place: one for place, ids in repeated.items() if (one := _reference(ids, common, sure)) is not None}


def looks_like_id(value: JSON) -> bool:
    """Return whether a value may name one thing alone: a word of six characters or more with a digit in it."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return False
    text = str(value)
    return _WORD.fullmatch(text) is not None and any(map(str.isdigit, text))


@dataclass(slots=True)
class _Seen:
    """The values that were on the wire up to a place.

    Attributes:
        names: For each id, the names it was published under.
    """

    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _words: set[bytes] = field(default_factory=set)
    _owners: dict[str, str | None] = field(default_factory=dict)  # session that published an id; None for several
    _latest: dict[str, ClientMessage] = field(default_factory=dict)

    def published(self, message: ClientMessage, session: str) -> None:
        for name, value in _ids(message.data):
            if value.encode() in self._words or self._owners.setdefault(value, session) != session:
                self._owners[value] = None
            self._latest[value] = message
            self.names[value].add(name)

    def pushed(self, data: JSON, session: str) -> dict[str, ClientMessage]:
        """Return the ids in an event that its client had published, each with the latest publish of it."""
        ids = {value for _, value in _ids(data)}
        self._words |= {value.encode() for value in ids - self._owners.keys()}
        return {value: self._latest[value] for value in sorted(ids) if self._owners.get(value) == session}

    def exchanged(self, record: Request | Response) -> None:
        self._words.update(_BYTES.findall(record.body))
        if isinstance(record, Request):
            self._words.update(_BYTES.findall(record.target.encode("utf-8", "replace")))


def _moments(
    recording: Recording, publishes: Iterable[ClientMessage], *, is_one: bool
) -> Iterator[ClientMessage | int | Request | Response]:
    """Yield publishes, unsolicited events (by their places), requests and answers, in the order of the wire."""
    last = max(pushed.event.seq for pushed in recording.unsolicited)
    pushed = (((u.event.seq, u.event.index), place) for place, u in enumerate(recording.unsolicited))
    exchanges = (unfolded(map(_exchanged, items)) for items in (recording.triples, recording.plain))
    sent = ((one.at, one) for one in publishes)
    for at, moment in in_order(sent, pushed, *exchanges, is_one=is_one):
        if at[0] <= last or not isinstance(moment, Request | Response):
            yield moment


def _exchanged(triple: Triple) -> Iterator[tuple[At, Request | Response]]:
    return (((one.seq, 0), one) for one in (triple.request, triple.ack) if one is not None)


def _varying(publishes: Iterable[ClientMessage]) -> set[str]:
    """Return the names under which several publishes have ids, and no two the same."""
    values: dict[str, list[str]] = defaultdict(list)
    for message in publishes:
        for name, value in set(_ids(message.data)):
            values[name].append(value)
    return {name for name, found in values.items() if 1 < len(found) == len(set(found))}


def _common(repeated: dict[int, dict[str, ClientMessage]], found: Sequence[Anchor], sure: set[str]) -> set[str]:
    """Return the values that belong to a session, not to one publish."""
    strays: dict[str, set[At]] = defaultdict(set)
    common: set[str] = set()
    for place, ids in repeated.items():
        newest = max((message.at for message in ids.values()), default=None)
        for value, message in ids.items():
            if message.at != newest:
                common.add(value)
            if found[place].at != message.at:
                strays[value].add(found[place].at)
    return (common | {value for value, others in strays.items() if len(others) >= _STRAYS}) - sure


def _reference(ids: dict[str, ClientMessage], common: set[str], sure: set[str]) -> Reference | None:
    own = {value: message for value, message in ids.items() if value not in common}
    if not own:
        return None
    at = max(message.at for message in own.values())
    values = tuple(value for value, message in own.items() if message.at == at)
    return Reference(at, values, SURE if any(value in sure for value in values) else LIKELY)


def _ids(data: JSON, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(data, dict):
        for member, value in data.items():
            yield from _ids(value, member)
    elif isinstance(data, list):
        for value in data:
            yield from _ids(value, name)
    elif looks_like_id(data):
        yield name, str(data)
