"""Find the values in requests that may be others in a drive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from ....dialect.definition import Dialect
from ....dialect.paths import path_of
from ....redaction.policy import Policy
from ....requests.masks import MEMBER, PATH, Address
from ..plan import BAYEUX, CHANNEL, COOKIE, HEADER, Act, Hole, Source, Word
from ..words import split, words
from .hidden import Credentials, Hidden
from .keys import KeyNames
from .leaves import Leaf, compared, last_name, of_step, of_told
from .provenance import Index, Tag, Told, has_digit, is_special, is_telling, tags_of
from .things import asked_for, thing_of
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
_AUTHORIZATION = frozenset({"authorization", "proxy-authorization"})


_KNOWN = 20_000  # leaves that are remembered: most values are told and sent again and again
_Asked = tuple[str, str, str, str, tuple[int, int] | None, bool]


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
    """Takes leaves apart in the parts that may be values."""

    def __init__(self, dialect: Dialect) -> None:
        self._paths, self.keys = dialect.path_keys, KeyNames(dialect)
        self._tying = frozenset(dialect.exact) | dialect.per_operation
        self._known: dict[_Asked, list[Part]] = {}

    def of_leaf(self, leaf: Leaf, key: str, around: str, span: tuple[int, int] | None = None) -> list[Part]:
        """Return a leaf as a whole, and its parts.

        Args:
            leaf: The leaf.
            key: Its key in the dialect.
            around: What a bare id is the id of, as in `things`.
            span: The part that the key is about; None for all of it.
        """
        thing = "" if leaf.address[0] == CHANNEL else thing_of(leaf.path, around)
        asked = leaf.text, last_name(leaf.path), key, thing, span, leaf.address[0] == HEADER
        found = self._known.get(asked)
        if found is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            found = self._known[asked] = self._taken_apart(asked)
        return found

    def _taken_apart(self, asked: _Asked) -> list[Part]:
        text, called, key, thing, span, is_header = asked
        size, name = len(text), compared(called)
        own = key if span in (None, (0, size)) else ""
        tags = tags_of(text, key, name, thing)
        whole = Part(0, size, text, own, tags, ties=own in self._tying or ("" in tags and has_digit(text)))
        if text.isalnum():
            return [whole]
        spans = split(text)
        if spans == [(0, size)]:
            return [whole]
        marked = span if span not in (None, (0, size)) else None
        if marked is None and key in self._paths and "/" in text:
            marked = text.rfind("/") + 1, size
        if is_header and called in _AUTHORIZATION and " " in text:
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

    def of_step(self, step: Draft) -> Iterator[tuple[Leaf, list[Part]]]:
        """Yield the leaves of a step and their parts; none of one that says what it asks for."""
        is_message = step.act in BAYEUX
        root = "data" if step.act is Act.PUBLISH else "body"
        message = step.message or {}
        about = message.get("channel" if step.act is Act.PUBLISH else "subscription")
        in_path = {} if is_message or step.act is Act.MESSAGE else self.keys.in_path(step.request.target)
        in_channel = self.keys.in_channel(about, is_event=False) if is_message and isinstance(about, str) else {}
        segments = path_of(step.request.target).split("/")
        asked = asked_for(step.request.target) if not is_message else ""
        for leaf in of_step(step):
            kind, number = leaf.address[0], leaf.address[1] if len(leaf.address) > 1 else 0
            named = {PATH: in_path, CHANNEL: in_channel}.get(str(kind))
            if named is not None:
                start, end, key = named.get(int(number), (0, 0, ""))
                around = segments[int(number) - 1] if kind == PATH and number else ""
                parts = self.of_leaf(leaf, key, around, (start, end) if key else None)
                # segments without a key and a digit are names of resources
                yield leaf, parts if key or has_digit(leaf.text) else []
                continue
            path = leaf.path if not is_message or number != "data" else (kind, *leaf.path[2:])
            is_name = self.keys.names_operation(path, root)
            key = self.keys.in_request(step.operation, path, root)
            yield leaf, [] if is_name else self.of_leaf(leaf, key, asked)

    def in_told(self, told: TellingDraft, leaf: Leaf) -> list[Part]:
        """Return a leaf of what was told as a whole, and its parts."""
        event = told.event
        if event is None:
            operation = told.step.operation if told.step is not None else None
            path = leaf.path if told.reply is None or leaf.path[1:2] != ("data",) else (leaf.path[0], *leaf.path[2:])
            asked = asked_for(told.step.request.target) if told.step is not None and told.reply is None else ""
            return self.of_leaf(leaf, self.keys.in_answer(operation, path), asked)
        if leaf.address[0] != CHANNEL:
            return self.of_leaf(leaf, self.keys.in_event(leaf.path), "")
        named = self.keys.in_channel(event.channel, is_event=True)
        start, end, key = named.get(int(leaf.address[1]), (0, 0, ""))
        return self.of_leaf(leaf, key, "", (start, end) if key else None)


class Holes:
    """The holes of the steps of a recording."""

    def __init__(self, walk: Walk, dialect: Dialect, policy: Policy | None) -> None:
        self._cookies, self._parts, self._index = walk.cookies(), Parts(dialect), Index()
        self._minted = frozenset(dialect.minted) & dialect.per_operation
        self._hidden = Hidden(policy) if policy is not None else None
        self._credentials = Credentials(dialect)
        self._fresh: defaultdict[str, dict[str, str]] = defaultdict(dict)  # by client: value and key
        self._are_many = len({one.client for one in walk.happened}) > 1
        leaves = iter([self._sent(one) for one in walk.happened if isinstance(one, Draft)])
        self._ties = Ties() if self._are_many else None
        self._of: list[tuple[Hole, ...]] = []
        for one in walk.happened:
            if isinstance(one, TellingDraft):
                self._told(one)
            else:
                self._of.append(self._in_step(one, next(leaves)))

    def of(self, step: Draft) -> tuple[Hole, ...]:
        """Return the holes of a step."""
        return self._of[step.number]

    def _sent(self, step: Draft) -> list[tuple[Leaf, list[Part]]]:
        found = list(self._parts.of_step(step))
        for leaf, parts in found:
            for part in parts:
                self._index.wants(part.text, part.tags)
            if self._hidden is not None:
                self._hidden.learn(leaf.path, leaf.text)
        return found

    def _told(self, told: TellingDraft) -> None:
        for leaf in of_told(told) if self._hidden is not None else of_told(told, self._may_have):
            text = leaf.text
            if self._hidden is not None:
                path = leaf.path if told.event is None else (MEMBER, "data", *leaf.path[1:])
                self._hidden.learn(path, text)
                if not self._may_have(text):
                    continue
            for part in self._parts.in_told(told, leaf):
                if self._ties is not None and part.ties:
                    self._ties.told(told, part.text)
                is_whole = part.end - part.start == len(text)
                if not self._index.is_wanted(part.text) or (part.word is None and not is_whole):
                    continue
                name = compared(last_name(leaf.path))
                tells = is_telling(text, name, str(leaf.address[0])) if is_whole else has_digit(part.text)
                tags = part.tags if tells else tuple(filter(None, part.tags))
                self._index.told(told.client, part.text, tags, Told(told.number, leaf.address, part.word))

    def _may_have(self, text: str) -> bool:
        """Return whether a text that was told may hold a value that a client sends."""
        if self._index.is_wanted(text) or (self._ties is not None and self._ties.is_sent(text)):
            return True
        if text.isalnum():
            return False
        inside = words(text)
        return self._index.wants_any(inside) or (self._ties is not None and self._ties.is_any_sent(inside))

    def _in_step(self, step: Draft, leaves: list[tuple[Leaf, list[Part]]]) -> tuple[Hole, ...]:
        fresh = self._fresh[step.client]
        for leaf, parts in leaves:
            if leaf.address[0] == HEADER and leaf.address[1] in _MINTED:
                fresh.setdefault(leaf.text, str(leaf.address[1]))
            for part in parts:
                if part.key in self._minted and self._is_own(step, part, leaves):
                    fresh.setdefault(part.text, part.key)
        in_path = self._hidden.in_path(step.request.target) if self._hidden is not None else {}
        found = tuple(hole for leaf, parts in leaves for hole in self._in_leaf(step, leaf, parts, in_path))
        for _, parts in leaves:
            for part in parts:
                # what a client mints anew in a drive is learned by others alone
                if not self._are_many or part.text not in fresh:
                    self._index.sent(part.text, part.tags)
                if self._ties is not None and part.ties:
                    self._ties.sent(step, part.text)
        return found

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
        for part in parts:
            if not found or part.start >= found[-1].end:
                hole = self._hole(step, leaf, part)
                if hole is not None:
                    found.append(hole)
        span = self._credentials.span(leaf.path, leaf.text)
        if span is not None:
            found = self._with(found, step, leaf, [span], is_credential=True)
        if self._hidden is not None:
            spans = self._hidden.spans(leaf.path, leaf.text)
            if leaf.address[0] == PATH and int(leaf.address[1]) in in_path:
                spans = [in_path[int(leaf.address[1])]]
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
                name = last_name(leaf.path) or _before(step, leaf.address)
                made.append(
                    Hole(
                        leaf.address,
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
        name = part.key or last_name(leaf.path) or _before(step, leaf.address)
        return Hole(leaf.address, part.start, part.end, part.text, name, is_fresh, sources)

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
    if kind not in (PATH, CHANNEL) or not isinstance(number, int):
        return kind
    about = (step.message or {}).get("channel" if step.act is Act.PUBLISH else "subscription")
    text = str(about) if kind == CHANNEL else step.request.target.partition("?")[0]
    segments = text.split("/")
    return segments[number - 1] if 0 < number <= len(segments) and segments[number - 1] else kind
