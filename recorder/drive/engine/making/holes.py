"""Find the values in requests that may be others in a drive."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from ....dialect.definition import Dialect
from ....dialect.paths import path_of
from ....redaction.policy import Policy
from ....requests.masks import MEMBER, PATH, Address
from ..plan import BAYEUX, CHANNEL, COOKIE, HEADER, Act, Hole, Source, Word
from ..words import has_digit, split, words
from .hidden import CREDENTIALS, Credentials, Hidden, credential
from .keys import KeyNames
from .leaves import ALL, Leaf, Wanted, of_step, of_told
from .places import Place, Places, asked_for, thing_after
from .provenance import Index, Tag, Told, is_special, is_telling, tags_of
from .ties import Ties
from .walk import Draft, TellingDraft, Walk

# Headers that clients mint for each request, by which services trace them, or know one that is sent again.
_MINTED = frozenset(
    {
        "x-request-id",
        "request-id",
        "x-correlation-id",
        "correlation-id",
        "x-trace-id",
        "traceparent",
        "x-b3-traceid",
        "x-b3-spanid",
        "x-b3-parentspanid",
        "x-amzn-trace-id",
        "sentry-trace",
        "idempotency-key",
        "x-idempotency-key",
    }
)
_SEGMENTED = (PATH, CHANNEL)


_KNOWN = 20_000  # leaves that are remembered: most values are told and sent again and again


class Part(NamedTuple):
    """A part of a leaf that may be a value by itself.

    Attributes:
        start: Where it begins in the text of the leaf.
        end: Where it ends.
        text: The part.
        key: Its key in the dialect; "" without one.
        tags: By which it is the same as another value.
        word: Which word of the leaf it is; None for the whole leaf.
        ties: Whether it tells who caused an event that brings it (`ties`).
    """

    start: int
    end: int
    text: str
    key: str
    tags: tuple[Tag, ...]
    word: Word | None = None
    ties: bool = False


class Parts:
    """Takes what was sent and told apart in the parts that may be values."""

    def __init__(self, dialect: Dialect) -> None:
        self._paths, self.keys = dialect.path_keys, KeyNames(dialect)
        self._tying = frozenset(dialect.exact) | dialect.per_operation
        self._places = Places(Credentials(dialect).shows)
        self._known: dict[Leaf, list[Part]] = {}

    def of_leaf(self, leaf: Leaf) -> list[Part]:
        """Return a leaf as a whole, and its parts; none of one that says what a request asks for."""
        found = self._known.get(leaf)
        if found is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            place, text = leaf
            made = [] if place.key is None else self._taken_apart(text, place, place.key, place.thing)
            found = self._known[leaf] = made
        return found

    def _taken_apart(
        self, text: str, place: Place, key: str, thing: str, span: tuple[int, int] | None = None
    ) -> list[Part]:
        """Return a leaf as a whole, and its parts; `span` is the part that the key is about, None for all of it."""
        size = len(text)
        own = key if span in (None, (0, size)) else ""
        tags = tags_of(text, key, place.name, thing)
        whole = Part(0, size, text, own, tags, None, own in self._tying or (tags[-1:] == ("",) and has_digit(text)))
        if text.isalnum():
            return [whole]
        spans = split(text)
        if spans == [(0, size)]:
            return [whole]
        marked = span if span not in (None, (0, size)) else None
        if marked is None and key in self._paths and "/" in text:
            marked = text.rfind("/") + 1, size
        if place.address[0] == HEADER and place.called in CREDENTIALS and " " in text:
            marked, key = (text.rfind(" ") + 1, size), ""
        parts = [whole]
        if marked is not None:
            own = text[slice(*marked)]
            word = Word(spans.index(marked), len(spans)) if marked in spans else None
            tags = tags_of(own, key, "")
            parts.append(Part(*marked, own, key, tags, word, key in self._tying or ("" in tags and has_digit(own))))
        for number, (start, end) in enumerate(spans):
            own = text[start:end]
            if (start, end) != marked and is_special(own):
                parts.append(Part(start, end, own, "", ("",), Word(number, len(spans)), has_digit(own)))
        return parts

    def of_step(self, step: Draft) -> list[tuple[Leaf, list[Part]]]:
        """Return the leaves of a step and their parts."""
        is_message = step.act in BAYEUX
        root = "data" if step.act is Act.PUBLISH else "body"
        asked = asked_for(step.request.target) if not is_message else ""

        def key_of(path: Address) -> str | None:
            place = path if not is_message else _in_data(path)
            if self.keys.names_operation(place, root):
                return None
            return self.keys.in_request(step.operation, place, root)

        kind = self._places.kind((step.operation, root, is_message, asked), key_of, asked)
        segments = self._of_path(step) if not is_message else self._of_channel(step)
        return [
            (leaf, self.of_leaf(leaf) if leaf.place.address[0] not in _SEGMENTED else segments(leaf))
            for leaf in of_step(step, kind)
        ]

    def _of_path(self, step: Draft) -> Callable[[Leaf], list[Part]]:
        """Return a function that takes the segments of the path of a request apart."""
        named = self.keys.in_path(step.request.target) if step.act is not Act.MESSAGE else {}
        segments = path_of(step.request.target).split("/")

        def parts(leaf: Leaf) -> list[Part]:
            number = int(leaf.place.address[1])
            start, end, key = named.get(number, (0, 0, ""))
            if not key and not has_digit(leaf.text):  # the name of a resource
                return []
            thing = thing_after(segments[number - 1] if number else "")
            return self._taken_apart(leaf.text, leaf.place, key, thing, (start, end) if key else None)

        return parts

    def _of_channel(self, step: Draft) -> Callable[[Leaf], list[Part]]:
        """Return a function that takes the segments of the channel of a message of Bayeux apart."""
        about = (step.message or {}).get("channel" if step.act is Act.PUBLISH else "subscription")
        named = self.keys.in_channel(about, is_event=False) if isinstance(about, str) else {}

        def parts(leaf: Leaf) -> list[Part]:
            start, end, key = named.get(int(leaf.place.address[1]), (0, 0, ""))
            if not key and not has_digit(leaf.text):
                return []
            return self._taken_apart(leaf.text, leaf.place, key, "", (start, end) if key else None)

        return parts

    def of_told(self, told: TellingDraft, wanted: Wanted) -> list[Leaf]:
        """Return the leaves of what was told, at least those that are wanted."""
        if told.event is not None:
            return of_told(told, self._places.kind("event", self.keys.in_event, ""), wanted)
        operation, is_reply = told.step.operation if told.step is not None else None, told.reply is not None
        asked = asked_for(told.step.request.target) if told.step is not None and not is_reply else ""

        def key_of(path: Address) -> str:
            return self.keys.in_answer(operation, _in_data(path) if is_reply else path)

        return of_told(told, self._places.kind(("answer", operation, is_reply, asked), key_of, asked), wanted)

    def in_told(self, told: TellingDraft, leaf: Leaf) -> list[Part]:
        """Return a leaf of what was told as a whole, and its parts."""
        if told.event is None or leaf.place.address[0] != CHANNEL:
            return self.of_leaf(leaf)
        named = self.keys.in_channel(told.event.channel, is_event=True)
        start, end, key = named.get(int(leaf.place.address[1]), (0, 0, ""))
        return self._taken_apart(leaf.text, leaf.place, key, "", (start, end) if key else None)


def _in_data(path: Address) -> Address:
    """Return the place of a leaf in a message of Bayeux as dialects have it: they begin in its data."""
    return (path[0], *path[2:]) if path[1:2] == ("data",) else path


class Holes:
    """The holes of the steps of a recording."""

    def __init__(self, walk: Walk, dialect: Dialect, policy: Policy | None) -> None:
        self._cookies, self._parts, self._index = walk.cookies(), Parts(dialect), Index()
        self._minted = frozenset(dialect.minted) & dialect.per_operation
        self._hidden = Hidden(policy) if policy is not None else None
        self._fresh: defaultdict[str, dict[str, str]] = defaultdict(dict)  # by client: value and key
        self._are_many = len({one.client for one in walk.happened}) > 1
        self._wanted: set[str] = set()  # texts that may be told
        leaves = deque(self._sent(one) for one in walk.happened if isinstance(one, Draft))
        self._ties = Ties() if self._are_many else None
        self._of: list[tuple[Hole, ...]] = []
        for one in walk.happened:
            if isinstance(one, TellingDraft):
                self._told(one)
            else:
                self._of.append(self._in_step(one, leaves.popleft()))

    def of(self, step: Draft) -> tuple[Hole, ...]:
        """Return the holes of a step."""
        return self._of[step.number]

    def _sent(self, step: Draft) -> list[tuple[Leaf, list[Part]]]:
        found = self._parts.of_step(step)
        for leaf, parts in found:
            for part in parts:
                self._index.wants(part.text, part.tags)
                self._wanted.add(part.text)
            if self._hidden is not None:
                self._hidden.learn(leaf.place.path, leaf.text)
        return found

    def _told(self, told: TellingDraft) -> None:
        wanted = self._wanted if self._hidden is None else ALL
        for leaf in self._parts.of_told(told, wanted):
            place, text = leaf
            if self._hidden is not None:
                path = place.path if told.event is None else (MEMBER, "data", *place.path[1:])
                self._hidden.learn(path, text)
                if text not in self._wanted and (text.isalnum() or self._wanted.isdisjoint(words(text))):
                    continue
            for part in self._parts.in_told(told, leaf):
                if self._ties is not None and part.ties:
                    self._ties.told(told, part.text)
                is_whole = part.end - part.start == len(text)
                if part.text not in self._index.wanted or (part.word is None and not is_whole):
                    continue
                tells = is_telling(text, place.name, str(place.address[0])) if is_whole else has_digit(part.text)
                tags = part.tags if tells else tuple(filter(None, part.tags))
                self._index.told(told.client, part.text, tags, Told(told.number, place.address, part.word))

    def _in_step(self, step: Draft, leaves: list[tuple[Leaf, list[Part]]]) -> tuple[Hole, ...]:
        fresh = self._fresh[step.client]
        for leaf, parts in leaves:  # first, since any of them may hold what another one mints
            if leaf.place.called in _MINTED and leaf.place.address[0] == HEADER:
                fresh.setdefault(leaf.text, leaf.place.called)
            for part in parts:
                if part.key in self._minted and self._is_own(step, part, leaves):
                    fresh.setdefault(part.text, part.key)
        in_path = self._hidden.in_path(step.request.target) if self._hidden is not None else {}
        found: list[Hole] = []
        for leaf, parts in leaves:
            found += self._in_leaf(step, leaf, parts, in_path)
        wanted = self._index.wanted
        for _, parts in leaves:
            for part in parts:
                text = part.text
                # what a client mints anew in a drive is learned by others alone
                if text in wanted and (not self._are_many or text not in fresh):
                    self._index.sent(text, part.tags)
                if self._ties is not None and part.ties:
                    self._ties.sent(step, text)
                    self._wanted.add(text)
                elif text not in wanted:
                    self._wanted.discard(text)
        return tuple(found)

    def _is_own(self, step: Draft, minted: Part, leaves: list[tuple[Leaf, list[Part]]]) -> bool:
        """Return whether the client minted a value that clients mint, and does not repeat one that it was told.

        Two clients that count may mint the same. Who repeats a short value answers what told it, so another value of
        the request comes from there too.
        """
        told = {one.told for one in self._sources(step, minted)}
        if not told:
            return True
        if is_special(minted.text):
            return False
        others = (part for _, parts in leaves for part in parts if part.text != minted.text)
        return not any(one.told in told for part in others for one in self._sources(step, part))

    def _in_leaf(self, step: Draft, leaf: Leaf, parts: list[Part], in_path: dict[int, tuple[int, int]]) -> list[Hole]:
        found: list[Hole] = []
        fresh = self._fresh[step.client]
        for part in parts:
            if part.text not in fresh and part.text not in self._index.told_at:
                continue
            if not found or part.start >= found[-1].end:
                hole = self._hole(step, leaf, part)
                if hole is not None:
                    found.append(hole)
        span = credential(leaf.place.path, leaf.text) if leaf.place.is_credential else None
        if span is not None:
            found = self._with(found, step, leaf, [span], is_credential=True)
        if self._hidden is not None:
            spans = self._hidden.spans(leaf.place.path, leaf.text)
            if leaf.place.address[0] == PATH and int(leaf.place.address[1]) in in_path:
                spans = [in_path[int(leaf.place.address[1])]]
            found = self._with(found, step, leaf, spans, is_hidden=True)
        return found

    def _with(
        self,
        found: list[Hole],
        step: Draft,
        leaf: Leaf,
        spans: list[tuple[int, int]],
        *,
        is_credential: bool = False,
        is_hidden: bool = False,
    ) -> list[Hole]:
        """Return the holes of a leaf with what is known of some spans: of a hole there, else of a new one."""
        for start, end in spans:
            made = []
            covered = False
            for hole in found:
                if hole.end <= start or hole.start >= end:
                    made.append(hole)
                elif hole.start <= start and end <= hole.end:
                    covered = True
                    made.append(
                        replace(
                            hole,
                            is_credential=hole.is_credential or is_credential,
                            is_hidden=hole.is_hidden or is_hidden,
                        )
                    )
            if not covered:
                name = leaf.place.called or _before(step, leaf.place.address)
                made.append(
                    Hole(
                        leaf.place.address,
                        start,
                        end,
                        leaf.text[start:end],
                        name,
                        is_hidden=is_hidden,
                        is_credential=is_credential or any(hole.is_credential for hole in found),
                    )
                )
            found = sorted(made, key=lambda hole: hole.start)
        return found

    def _hole(self, step: Draft, leaf: Leaf, part: Part) -> Hole | None:
        key = self._fresh[step.client].get(part.text)
        is_fresh = key is not None and (part.key == key or "" in part.tags)
        sources = () if is_fresh else self._sources(step, part)
        if not is_fresh and not sources:
            return None
        name = part.key or leaf.place.called or _before(step, leaf.place.address)
        return Hole(leaf.place.address, part.start, part.end, part.text, name, is_fresh, sources)

    def _sources(self, step: Draft, part: Part) -> tuple[Source, ...]:
        return self._index.sources(step.client, part.text, part.tags, is_minted=part.key in self._minted)

    def cookies(self, client: str) -> tuple[Hole, ...]:
        """Return the cookies that a client showed and that no answer had set."""
        shown = self._cookies.get(client, {})
        return tuple(
            Hole(
                (COOKIE, name),
                0,
                len(value),
                value,
                name,
                is_hidden=self._hidden is not None and bool(value),
                is_credential=True,
            )
            for name, value in shown.items()
        )


def _before(step: Draft, address: Address) -> str:
    """Return what to call a segment that no dialect names: the one before it, which tells of what kind it is."""
    kind, number = str(address[0]), address[1] if len(address) > 1 else 0
    if kind not in _SEGMENTED or not isinstance(number, int):
        return kind
    about = (step.message or {}).get("channel" if step.act is Act.PUBLISH else "subscription")
    text = str(about) if kind == CHANNEL else step.request.target.partition("?")[0]
    segments = text.split("/")
    return segments[number - 1] if 0 < number <= len(segments) and segments[number - 1] else kind
