"""Find the leaves of recorded requests that hold pseudonyms of remembered values, beside the places of rules.

Redaction replaces a value that a rule named once wherever it stands. Of a redacted recording, the values at the places
of the rules are the pseudonyms, so reading the recording as redaction did finds them at all other places.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple, Self, TypeAlias
from urllib.parse import unquote

from ..bayeux.publishes import PUBLISH
from ..dialect.paths import parse_json
from ..formats.charsets import decoded, media_of
from ..model import JSON, Headers, Recording, Triple
from ..redaction.finder import Finder
from ..redaction.known import Known
from ..redaction.policy import Policy
from ..redaction.pseudonyms import Kind
from .bindings import Bindings, Pairs
from .hidden_text import HiddenText, Marks, marked_number
from .masks import BODY, FORM, MEMBER, PATH, QUERY, Address, Mask, cut, is_form, parameters_of
from .recent import Recent

_NO_VALUES: Mapping[str, Kind] = MappingProxyType({})
_SEEN = 4_000  # targets and headers that were read lately
_ANY_TYPE = (b"{", b"[", b"")  # first bytes of bodies that are JSON, or are empty

Sent: TypeAlias = tuple[str, bytes]  # target and body of a request, or channel and data of a publish


class Asked(NamedTuple):
    """A request as far as it is compared.

    Attributes:
        method: HTTP method, or that of a publish.
        target: Path and query, or the channel of a publish.
        body: The body, or the data of a publish.
        media: Media type of the body, by `media_for`.
    """

    method: str
    target: str
    body: bytes
    media: str = ""


class Remembered(NamedTuple):
    """The leaves of a recorded request that hold pseudonyms of remembered values.

    Attributes:
        mask: The places of the leaves.
        texts: The leaves, in the order of the mask.
    """

    mask: Mask
    texts: tuple[HiddenText, ...]


def media_for(headers: Headers, body: bytes) -> str:
    """Return the media type by which a body is read; "" for JSON, which is read as such whatever its type is."""
    return "" if body[:1] in _ANY_TYPE else media_of(headers)


def found_in(finder: Finder, method: str, target: str, body: bytes, media: str) -> Sent:
    """Return the target and body of a request, or the channel and data of a publish, with values replaced."""
    return target_in(finder, method, target), body_in(finder, method, body, media)


def target_in(finder: Finder, method: str, target: str) -> str:
    """Return the target of a request with values replaced.

    A policy knows channel and data of a publish as members of a message.
    """
    if method != PUBLISH:
        return finder.target(target)
    return str(json.loads(finder.body(json.dumps({"channel": target}).encode()))["channel"])


def body_in(finder: Finder, method: str, body: bytes, media: str) -> bytes:
    """Return the body of a request, or the data of a publish, with values replaced."""
    if method != PUBLISH:
        return finder.body(body, (("Content-Type", media),) if media else ())
    before, after = b'{"data":', b"}"
    return finder.body(before + body + after)[len(before) : -len(after)] if body else body


class _Pseudonyms(Known):
    """All pseudonyms of a recording; a recorder forgets some values after a while, but their pseudonyms stay."""

    __slots__ = ()
    most = sys.maxsize

    def __init__(self) -> None:
        """Begin with none; a plain dict takes half the memory of one that can be reordered."""
        super().__init__(_values={})  # type: ignore[arg-type]  # `touch` is all that reorders

    def touch(self, value: str) -> bool:
        """Return whether a value is known."""
        return value in self._values


class _Nothing(Known):
    """A memory that takes no values, so that only the places of rules and formats are found."""

    __slots__ = ()

    def add(self, value: str, kind: Kind, *, plain: bool = True) -> None:
        """Remember nothing."""


class Memory:
    """The pseudonyms of one recording, and where its requests hold them."""

    def __init__(self, policy: Policy, values: Mapping[str, Kind] = _NO_VALUES) -> None:
        """Begin with some pseudonyms of a recording that a policy redacted; further ones are to be learnt.

        Args:
            policy: The policy.
            values: Pseudonyms and their kinds; those in the leaves are enough to find these leaves again.
        """
        self._known = known = _Pseudonyms()
        for value, kind in values.items():
            known.add(value, kind)
        self._seen: Recent[str | Headers, object] = Recent(_SEEN)
        self._free_parts: Recent[Hashable, bool] = Recent(_SEEN)  # targets and bodies in which nothing was found
        self._found: list[str] = []
        self._marks = Marks()
        self._free: frozenset[str] = frozenset()  # values at places of rules in the request that is read
        self._all = Finder(policy, self._take, known)
        self._every, self._ruled = Finder(policy, self._marks, known), Finder(policy, self._marks, _Nothing())

    @classmethod
    def of(cls, recording: Recording, policy: Policy) -> Self:
        """Collect the pseudonyms of a recording that a policy redacted."""
        memory = cls(policy)
        for triple in chain(recording.triples, recording.plain):
            memory.exchange(triple)
        for pushed in recording.unsolicited:
            memory.event(pushed.event.channel, pushed.event.data)
        for message in recording.messages:
            memory.event(message.name, message.data)
        return memory

    def kind_of(self, pseudonym: str) -> Kind:
        """Return the kind of a pseudonym that was found in a leaf."""
        return self._known.kind_of(pseudonym) or Kind.SECRET

    def exchange(self, triple: Triple) -> None:
        """Learn the pseudonyms at the places of rules in a triple or another exchange."""
        request, finder = triple.request, self._all
        self._headers(request.headers)
        media = media_for(request.headers, request.body)
        if request.method == PUBLISH:
            found_in(finder, PUBLISH, request.target, request.body, media)
        else:
            if self._seen.get(request.target) is None:
                self._seen.put(request.target, finder.target(request.target))
            finder.body(request.body, (("Content-Type", media),) if media else ())
        if triple.ack is not None:
            self._headers(triple.ack.headers)
            finder.body(triple.ack.body, triple.ack.headers)
        for link in triple.events:
            self.event(link.event.channel, link.event.data)
        self._found.clear()

    def event(self, channel: str, data: JSON) -> None:
        """Learn the pseudonyms at the places of rules in the channel and data of an event, or a client's message."""
        self._all.read({"channel": channel, "data": data})
        self._found.clear()

    def _headers(self, headers: Headers) -> None:
        """Learn the values in headers; the headers of most messages are those of an earlier one."""
        if self._seen.get(headers) is None:
            self._seen.put(headers, self._all.headers(headers))

    def _take(self, kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG002  # the text itself is not used
        self._found.append(value)
        return value

    def is_free(self, target: Hashable, body: Hashable | None) -> bool:
        """Return whether requests with this target, and one with this body, were noted to hold no values."""
        return body is not None and self._free_parts.get(target) is True and self._free_parts.get(body) is True

    def note_free(self, target: Hashable, body: Hashable | None) -> None:
        """Note a request in which `leaves` just found no value at all; all pseudonyms must have been learnt."""
        if body is not None and not self._found:
            self._free_parts.put(target, True)
            self._free_parts.put(body, True)

    def leaves(self, asked: Asked, ruled: tuple[str, ...], counts: Callable[[Address], bool]) -> Remembered | None:
        """Return the leaves of a request that hold pseudonyms of remembered values; None if there are none.

        Args:
            asked: The request.
            ruled: The values at the places of rules and formats; where no others are found there are no leaves.
            counts: Whether a leaf is compared at all.
        """
        method, target, body, media = asked
        self._found.clear()
        found_in(self._all, method, target, body, media)
        if tuple(self._found) == ruled:
            return None
        self._marks.clear()
        less = found_in(self._ruled, method, target, body, media)
        self._free = frozenset(self._marks.values)
        more = found_in(self._every, method, target, body, media)
        leaves = {
            address: text
            for address, text in chain(self._in_target(target, less[0], more[0]), self._in_body(body, less[1], more[1]))
            if counts(address)
        }
        mask = tuple(leaves)
        texts = cut(mask, target, body).texts
        # a mark in an encoding that is not known here: the leaf is compared as it is written
        fit = [leaf for leaf, text in zip(mask, texts, strict=True) if _is_read(leaves[leaf], text)]
        return Remembered(tuple(fit), tuple(leaves[leaf] for leaf in fit)) if fit else None

    def _in_target(self, target: str, less: str, more: str) -> Iterator[tuple[Address, HiddenText]]:
        paths, queries = zip(*(text.partition("?")[::2] for text in (target, less, more)), strict=True)
        segments = [path.split("/") for path in paths]
        if len({len(path) for path in segments}) == 1:
            for number, (_, ruled, marked) in enumerate(zip(*segments, strict=True)):
                if ruled != marked:
                    yield (PATH, number), self._text(unquote(marked))
        yield from self._in_pairs(QUERY, *queries)

    def _in_pairs(self, kind: str, text: str, less: str, more: str) -> Iterator[tuple[Address, HiddenText]]:
        pairs = [list(parameters_of(one)) for one in (text, less, more)]
        if len({len(one) for one in pairs}) == 1:
            for (name, number, _), (_, _, ruled), (_, _, marked) in zip(*pairs, strict=True):
                if ruled != marked:
                    yield (kind, name, number), self._text(marked)

    def _in_body(self, body: bytes, less: bytes, more: bytes) -> Iterator[tuple[Address, HiddenText]]:
        if less == more:
            return
        values = [parse_json(one) for one in (body, less, more)]
        if all(value is not None for value in values):
            yield from self._in_json((MEMBER,), *values)
            return
        text, *marked = (decoded(one)[0] for one in (body, less, more))
        if is_form(text):
            yield from self._in_pairs(FORM, text, *marked)
        elif values[0] is None:
            yield (BODY,), HiddenText.of(marked[-1], self._marks.values, self._free)

    def _in_json(self, place: Address, value: JSON, less: JSON, more: JSON) -> Iterator[tuple[Address, HiddenText]]:
        """Yield the strings and numbers in which two marked copies of a JSON value differ."""
        if isinstance(value, dict):
            inner = [(name, item, less.get(name), more.get(name)) for name, item in value.items()]
        elif isinstance(value, list):
            inner = [(number, *items) for number, items in enumerate(zip(value, less, more, strict=True))]
        else:
            if less != more:
                yield place, self._text(more) if isinstance(value, str) else marked_number(json.dumps(value))
            return
        for name, item, ruled, marked in inner:
            if type(item) is type(ruled) is type(marked):
                yield from self._in_json((*place, name), item, ruled, marked)

    def _text(self, marked: str) -> HiddenText:
        return HiddenText.of(marked, self._marks.values)


def _is_read(read: HiddenText, text: str | None) -> bool:
    """Return whether a leaf was read as a text with pseudonyms that the recorded text itself has."""
    return text is not None and next(read.values, None) is not None and read.pairs(text, Pairs(Bindings())) is not None
