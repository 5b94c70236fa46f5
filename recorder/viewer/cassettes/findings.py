"""Find what `recorder doctor` and `recorder scan` find in a cassette, each with the item that it is about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from ...diagnose.doctor import examine
from ...dialect.definition import Dialect
from ...errors import RecorderError
from ...library.lazy import OpenRecording
from ...model import Row
from ...views.pages.problems import finding

Scan: TypeAlias = Callable[[Path], Iterable[dict[str, Any]]]  # rows of `recorder scan --json`

_SEVERITIES = {"damage": "error", "problem": "error", "remark": "info", "error": "error", "note": "info"}
_PLACE = re.compile(r"(record|triple) ([0-9]{1,18})\b")
_MOST = 2_000  # findings that are told


def findings(path: Path, dialect: Dialect | None, now: float, scan: Scan | None) -> list[dict[str, Any]]:
    """Return the findings: `from` (doctor or scan), `severity`, `kind`, `where`, `text`, `record` and `triple` or None.

    Each has also the `problem` of a page that it is.

    Args:
        path: The cassette.
        dialect: The dialect to read it by; None takes its own.
        now: UTC seconds.
        scan: Searches for secrets; None does not.
    """
    rows = []
    try:
        found = examine(path, now, dialect)
        rows += [_row("doctor", one.level.value, one.kind, one.where, one.text) for one in found]
    except RecorderError as exc:
        rows.append(_row("doctor", "damage", "unreadable", "all", str(exc)))
    if scan is not None:
        try:
            rows += map(_scanned, scan(path))
        except RecorderError as exc:
            rows.append(_row("scan", "error", "not scanned", "all", str(exc)))
    return rows


def placed(rows: list[dict[str, Any]], found: OpenRecording) -> list[dict[str, Any]]:
    """Return the findings with the item of the page in which the record stands, as `item` (3, 3.2, u1, x4) or None.

    Args:
        rows: The findings.
        found: The recording.
    """
    wanted = {row["record"] for row in rows if row["record"] is not None}
    items = dict(_items(found, wanted)) if wanted else {}
    return [
        row | {"item": str(row["triple"]) if row["triple"] is not None else items.get(row["record"])} for row in rows
    ]


def _items(found: OpenRecording, wanted: set[int]) -> Iterator[tuple[int, str]]:
    """Yield records with the name of an item in which they stand; the first one counts, so it comes last."""
    for place, (seq, *_) in enumerate(found.pushed(), 1):
        if seq in wanted:
            yield seq, f"u{place}"
    plain = found.recording.plain
    for place in range(len(plain)):
        item = plain[place]
        for record in (item.ack, item.failure, item.request):
            if record is not None and record.seq in wanted:
                yield record.seq, f"x{place + 1}"
    for row in map(found.row, range(1, len(found.recording.triples) + 1)):
        yield from ((seq, name) for seq, name in _records(row) if seq in wanted)


def _records(row: Row) -> Iterator[tuple[int, str]]:
    for place, event in enumerate(row.events, 1):
        yield event.seq, f"{row.n}.{place}"
    for seq in (row.ack, row.failure, row.request):
        if seq is not None:
            yield seq, str(row.n)


def _row(source: str, level: str, kind: str, where: str, text: str) -> dict[str, Any]:
    place = _PLACE.search(where)
    what, number = (place[1], int(place[2])) if place else ("", 0)
    said = f"{source}: {kind}{'' if where == 'all' else f' at {where}'}: {text}"
    return {
        "problem": finding(_SEVERITIES[level], said)._asdict(),
        "from": source,
        "severity": _SEVERITIES[level],
        "level": level,
        "kind": kind,
        "where": where,
        "text": text,
        "record": number if what == "record" else None,
        "triple": number if what == "triple" else None,
        "item": None,
    }


def _scanned(row: dict[str, Any]) -> dict[str, Any]:
    where = row["part"] if row["record"] is None else f"record {row['record']}, {row['part']}"
    return _row("scan", row["level"], row["kind"], where, f"{row['where']}: {row['masked']}")
