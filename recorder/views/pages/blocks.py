"""Write the content of items for a page: headers, bodies and data, in blocks that are read when they are asked for.

A block is a JSON array of objects. A body or the data of an event stands in it as text that is JSON itself: a page
reads only the one that is looked at, as exactly as it is written, and searches the others as text.
"""

from __future__ import annotations

import json
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from ...model import Headers, Link, Triple, Unsolicited
from ...temporary import Spooled
from .. import data

ITEMS = 256  # in a block, at most
_CHARACTERS = 1 << 20  # of a block, unless one item has more
_IN_MEMORY = 16 << 20  # bytes of packed blocks
_LEVEL = 6
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # `json.dumps` makes one for each call

Others = Sequence[tuple[int, str]]  # `seq` of requests, each with why it did not cause an event
OthersOf = Callable[[int, int], Others]  # by record and place of an event


def none(_seq: int, _index: int) -> Others:
    """Return no other requests, for items that are not judged."""
    return ()


def of_triple(item: Triple, others: OthersOf = none) -> str:
    """Return the content of a triple or another exchange as JSON; `others` tells why it was no other request."""
    request, ack = item.request, item.ack
    failure = None if item.failure is None or ack is None else item.failure.reason
    return _object(
        {
            "headers": request.headers,
            "body": content(request.body, request.headers),
            "ack": ack and {"headers": ack.headers, "body": content(ack.body, ack.headers)},
            **({"failure": failure} if failure is not None else {}),
            "events": [_linked(link, others) for link in item.events],
        }
    )


def of_pushed(item: Unsolicited, others: OthersOf = none) -> str:
    """Return the content of an unsolicited event as JSON."""
    return _object({"data": _json(item.event.data), **_others(others(item.event.seq, item.event.index))})


def content(body: bytes, headers: Headers) -> str | list[str] | None:
    """Return the JSON of a body as text; a list with the text if it is a text, None if it is empty."""
    value = data.content(body, headers)
    if value is None:
        return None
    return [value] if isinstance(value, str) else _json(value)


def packed(text: str) -> bytes:
    """Return a text packed by gzip, without a time; UTF-8 cannot hold a lone surrogate, it becomes a question mark."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(text.encode("utf-8", "replace")) + packer.flush()


def block(items: Iterable[str]) -> str:
    """Return the JSON of a block of items."""
    return f"[{','.join(items)}]"


class Blocks:
    """The blocks of one recording, packed, of all kinds of items.

    Attributes:
        first: For each kind of items its blocks: the number of each, and the place of its first item.
    """

    def __init__(self) -> None:
        """Begin without blocks."""
        self.first: dict[str, list[list[int]]] = {}
        self._pending: dict[str, list[str]] = {}
        self._sizes: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._ends = array("Q", [0])
        self._file = Spooled(_IN_MEMORY)

    def __len__(self) -> int:
        return len(self._ends) - 1

    @property
    def size(self) -> int:
        """Bytes of the packed blocks."""
        return self._ends[-1]

    def add(self, kind: str, item: str) -> None:
        """Take the next item of a kind, as JSON.

        Raises:
            OutputError: If the temporary file cannot be written.
        """
        pending = self._pending.setdefault(kind, [])
        if pending and self._sizes[kind] + len(item) > _CHARACTERS:
            self._end(kind)
            pending = self._pending[kind]
        pending.append(item)
        self._sizes[kind] = self._sizes.get(kind, 0) + len(item)
        if len(pending) == ITEMS:
            self._end(kind)

    def finish(self) -> None:
        """Write what is left."""
        for kind, items in self._pending.items():
            if items:
                self._end(kind)

    def all(self) -> Iterator[bytes]:
        """Yield the blocks: JSON, packed by gzip."""
        for begin, end in zip(self._ends, self._ends[1:], strict=False):
            self._file.seek(begin)
            yield self._file.read(end - begin)

    def close(self) -> None:
        """Delete the blocks."""
        self._file.close()

    def _end(self, kind: str) -> None:
        items, before = self._pending[kind], self._counts.get(kind, 0)
        self.first.setdefault(kind, []).append([len(self), before])
        content = packed(block(items))
        self._file.seek(self._ends[-1])
        self._file.write(content)
        self._ends.append(self._ends[-1] + len(content))
        self._counts[kind] = before + len(items)
        self._pending[kind], self._sizes[kind] = [], 0


def _object(told: dict[str, Any]) -> str:
    """Return the JSON of an item, which has texts and numbers of records only: msgspec takes a sixth of the time."""
    try:
        return msgspec.json.encode(told).decode()
    except UnicodeEncodeError:  # a lone surrogate
        return _json(told)


def _linked(link: Link, others: OthersOf) -> dict[str, Any]:
    event = link.event
    rivals = {"rivals": link.rivals} if link.rivals else {}
    return {"data": _json(event.data), "why": link.why, **rivals, **_others(others(event.seq, event.index))}


def _others(found: Others) -> dict[str, Any]:
    return {"others": found} if found else {}
