"""Reads the document of a page as its script does: rows and blocks become triples and events with all they have."""

from __future__ import annotations

import base64
import gzip
import json
import re
from bisect import bisect_right
from itertools import accumulate
from typing import Any

from recorder.views.document import Document

KINDS = ("triples", "plain", "unsolicited")
_PACKED = re.compile(r'(<script type="application/octet-stream" id="[^"]+">)([^<]+)')


def text_of(page: str) -> str:
    """A page with all that is packed in it."""
    return _PACKED.sub(lambda found: f"{found[1]}{gzip.decompress(base64.b64decode(found[2])).decode()}", page)


def recordings(document: Document) -> list[dict[str, Any]]:
    """The recordings of a document, with their items in full."""
    rows = json.loads(json.dumps(document.rows))
    packed = [list(blocks.all()) for blocks in document.blocks]
    return [
        opened(one, [json.loads(gzip.decompress(block)) for block in blocks])
        for one, blocks in zip(rows["recordings"], packed, strict=True)
    ]


def opened(recording: dict[str, Any], blocks: list[Any]) -> dict[str, Any]:
    """One recording, by its rows and blocks."""
    return _Recording(recording, blocks).whole()


class _Recording:
    def __init__(self, rows: dict[str, Any], blocks: list[Any]) -> None:
        self.rows, self.texts = rows, rows["texts"]
        self.content = {kind: self._contents(kind, blocks) for kind in KINDS}
        self.records = [*accumulate(rows["requests"] if "requests" in rows else rows["triples"]["record"])]
        self.first = 0  # event of the next triple

    def whole(self) -> dict[str, Any]:
        columns = self.rows["unsolicited"]
        places = [*accumulate(columns["at"])]
        pushed = [self._pushed(columns, i, at) for i, at in enumerate(places)]
        polls = self.rows["polls"]
        return {
            **self.rows,
            "triples": self._items("triples"),
            "plain": self._items("plain"),
            "unsolicited": pushed,
            "polls": [
                [
                    self._session(polls["session"][i]),
                    at,
                    None if polls["closed"][i] < 0 else at + polls["closed"][i],
                    self._text(polls["failure"][i]),
                ]
                for i, at in enumerate(accumulate(polls["at"]))
            ],
        }

    def _contents(self, kind: str, blocks: list[Any]) -> list[Any]:
        found: list[Any] = []
        for k, first in self.rows["blocks"].get(kind, []):
            assert first == len(found)
            found += blocks[k]
        return found

    def _items(self, kind: str) -> list[dict[str, Any]]:
        columns = self.rows[kind]
        steps = {name: [*accumulate(columns[name])] for name in ("n", "record", "at")}
        return [
            self._item(kind, columns, i, {name: values[i] for name, values in steps.items()})
            for i in range(len(columns["n"]))
        ]

    def _item(self, kind: str, columns: dict[str, Any], i: int, told: dict[str, int]) -> dict[str, Any]:
        content, at = self.content[kind][i], told["at"]
        answered = None if columns["answered"][i] < 0 else at + columns["answered"][i]
        status, reason = columns["status"][i], self._text(columns["reason"][i])
        ack = content["ack"] and {
            "at": answered,
            "status": status,
            "headers": content["ack"]["headers"],
            "body": value(content["ack"]["body"]),
        }
        assert (status < 0) == (ack is None)
        keys = {name: self._text(column[i]) for name, column in columns["keys"]}
        return {
            **told,
            **{name: self._text(columns[name][i]) for name in ("operation", "state", "method", "target")},
            "session": self._session(columns["session"][i]),
            "keys": {name: text for name, text in keys.items() if text is not None},
            "headers": content["headers"],
            "body": value(content["body"]),
            "ack": ack,
            "failure": None if reason is None else [answered, reason],
            "events": self._events(columns["events"][i], at, content["events"], kind),
        }

    def _events(self, count: int, at: int, contents: list[Any], kind: str) -> list[dict[str, Any]]:
        assert len(contents) == count
        if kind == "plain":
            return []
        columns, first = self.rows["events"], self.first
        self.first += count
        return [
            {
                **{name: self._text(columns[name][first + i]) for name in ("name", "channel", "rule")},
                "at": at + columns["at"][first + i],
                "confidence": columns["confidence"][first + i] / 1000,
                "why": content["why"],
                "data": json.loads(content["data"]),
                "rivals": [self._number(record) for record in content.get("rivals", ())],
                "others": [[self._number(record), why] for record, why in content.get("others", ())],
            }
            for i, content in enumerate(contents)
        ]

    def _pushed(self, columns: dict[str, Any], i: int, at: int) -> dict[str, Any]:
        content = self.content["unsolicited"][i]
        return {
            "name": self._text(columns["name"][i]),
            "channel": self._text(columns["channel"][i]),
            "session": self._session(columns["session"][i]),
            "at": at,
            "data": json.loads(content["data"]),
            "others": [[self._number(record), why] for record, why in content.get("others", ())],
        }

    def _text(self, number: int) -> Any:
        return None if number < 0 else self.texts[number]

    def _session(self, number: int) -> str | None:
        return None if number < 0 else f"{self.rows['prefix']}{self.texts[number]}"

    def _number(self, record: int) -> int | str:
        place = bisect_right(self.records, record)
        if not place or self.records[place - 1] != record:
            return f"record {record}"
        if "requests" in self.rows:
            return int(place + self.rows["before"])
        return [*accumulate(self.rows["triples"]["n"])][place - 1]


def value(content: Any) -> Any:
    """What a body is, by what stands in a block."""
    if content is None:
        return None
    return content[0] if isinstance(content, list) else json.loads(content)
