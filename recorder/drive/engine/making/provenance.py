"""Find where the values of requests come from: what the server told before.

A value that stands in two places may stand there by chance. It counts as one value if both places have the same key of
the dialect or the same last name, or if it is too special to be met by chance. A value that a client sent before it was
told is its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from ....requests.masks import Address
from ..plan import CHANNEL, Source, Word
from ..words import has_digit

_MOST = 8  # sources of a value
_TEXTS = 20_000  # that are remembered: most are met several times
_LONG, _SHORT = 8, 4  # characters of a value that is met by no chance: of any kind, and with a digit
_COMMON = re.compile(
    r"(?:19|20)\d\d"  # a year
    r"|\d{1,2}00"  # a round number
    r"|\d{4}-\d\d(?:-\d\d(?:T\d\d)?)?"  # a date, or one with the begin of a time
    r"|v?\d{1,3}(?:\.\d{1,3}){1,3}"  # a version, or an address
    r"|(?:utf|iso|windows)-[\d-]+|base64|[\w.+-]+/\d[\d.]*|http2?|oauth2?|es5|html5",
    re.IGNORECASE,
)
# Names of places that tell a kind, not which one of a kind: equal values there are equal by chance.
_KINDS = frozenset((
    "state", "status", "statuscode", "type", "kind", "mode", "operation", "operationname", "action", "reason",
    "result", "code", "error", "errorcode", "message", "messagetype", "notificationtype", "event", "eventtype",
    "method", "format", "version", "language", "locale", "charset", "successful", "success", "enabled",
    "active", "count", "total", "limit", "offset", "page", "pagesize", "size", "length", "timeout", "interval",
    "priority", "level", "direction", "retry", "scheme", "protocol", "contenttype", "mediatype",
    "transport", "connectiontype",
))  # fmt: skip

Tag: TypeAlias = (
    str  # "=KEY" of a dialect, ".NAME" of a place, "#THING" of an id, "" for a value that is special by itself
)


class Told(NamedTuple):
    """A place where a server told a value; `number` is that of what it told."""

    number: int
    address: Address
    word: Word | None


def tags_of(text: str, key: str, name: str, thing: str = "") -> tuple[Tag, ...]:
    """Return under which tags a value may be the same as another one; the first that is found counts.

    Args:
        text: The value.
        key: Its key in the dialect; "" without one.
        name: Its last name, as it is compared.
        thing: The kind of thing that it is the id of; "" if it is none.
    """
    is_id = thing != "" and has_digit(text)
    return _tags(key, name, thing if is_id else "", is_special(text))


@lru_cache(_TEXTS)
def _tags(key: str, name: str, thing: str, special: bool) -> tuple[Tag, ...]:  # noqa: FBT001  # a name takes longer
    found: tuple[Tag, ...] = (f"={key}",) if key else ()
    if name and (key or name not in _KINDS):
        found += (f".{name}",)
    if thing:
        found += (f"#{thing}",)
    return (*found, "") if special else found


@lru_cache(_TEXTS)
def is_special(text: str) -> bool:
    """Return whether a value is met twice by no chance."""
    if len(text) < _SHORT or (len(text) < _LONG and not has_digit(text)):
        return False
    return _COMMON.fullmatch(text) is None


_Known: TypeAlias = dict[tuple[str | None, Tag], list[Told]]  # by client, None for all


class Index:
    """An index of the places where a server told the values that requests hold.

    All values that are sent are taken first. Then what happened is gone through in its order, so that of each value the
    latest places are kept alone.

    Attributes:
        wanted: The tags of each value that a client sends, and does not own.
        told_at: Where each of them was told.
    """

    def __init__(self) -> None:
        self.wanted: dict[str, set[Tag]] = {}
        self.told_at: dict[str, _Known] = {}
        self._owned: dict[str, set[Tag]] = {}

    def wants(self, text: str, tags: Iterable[Tag]) -> None:
        """Take a value that a client sends anywhere."""
        wanted = self.wanted.get(text)
        if wanted is None:
            self.wanted[text] = set(tags)
        else:
            wanted.update(tags)

    def sent(self, text: str, tags: tuple[Tag, ...]) -> None:
        """Take a value as a client sends it now: what nobody was told before is its own, and is sent as recorded.

        The tags are alternatives: a token may be told under one name, and sent under another.
        """
        wanted = self.wanted.get(text)
        if wanted is None:
            return
        told = self.told_at.get(text)
        if told is not None and any((None, tag) in told for tag in tags):
            return
        self._owned.setdefault(text, set()).update(tags)
        wanted.difference_update(tags)
        if not wanted:
            del self.wanted[text]

    def told(self, client: str, text: str, tags: Iterable[Tag], place: Told) -> None:
        """Take a value that the server tells a client."""
        wanted = self.wanted.get(text, ())
        for tag in tags:
            if tag in wanted:
                known = self.told_at.setdefault(text, {})
                for key in ((client, tag), (None, tag)):
                    found = known.get(key)
                    if found is None:
                        known[key] = [place]
                        continue
                    found.append(place)
                    if len(found) > _MOST:
                        del found[0]

    def sources(self, client: str, text: str, tags: Iterable[Tag], *, is_minted: bool = False) -> tuple[Source, ...]:
        """Return where a client has a value from that it sends now, the latest first; none if it is its own.

        What was told to other clients counts only if it was not told to this one.

        Args:
            client: The client.
            text: The value.
            tags: Its tags.
            is_minted: Whether clients mint such values: then two may be equal by chance.
        """
        known = self.told_at.get(text)
        if known is None:
            return ()
        owned = self._owned.get(text, ())
        for tag in tags:
            found = None
            if tag not in owned:
                found = known.get((client, tag))
                if found is None and not is_minted:
                    found = known.get((None, tag))
            if found is not None:
                return tuple(Source(one.number, one.address, one.word) for one in reversed(found))
        return ()


def is_telling(text: str, name: str, kind: str) -> bool:
    """Return whether what a server tells may be found under another name: no kinds, and no words of channels."""
    return has_digit(text) or (name not in _KINDS and kind != CHANNEL)
