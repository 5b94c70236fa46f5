"""Format a record with its exchange for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ...model import Request, Unsolicited
from ...printable import counted, printable
from ..screen import Cell, Screen
from . import rows
from .beside import Shown

_HIDDEN = frozenset({"record", "kind", "at", "exchange", "headers", "body", "triple", "beside", "left_out"})

_ALONE = frozenset({"status", "reason", "text"})  # fields whose value says what it is


def shown(found: Shown, screen: Screen | None = None) -> str:
    """Return a record in full, and those of its exchange, each with its content."""
    row = rows.shown(found)
    title = f"record {row['record']}  {row['kind']}  at {row['at']:.3f} s"
    if "exchange" in row:
        title += f"  exchange {row['exchange']}"
    title += f"  triple {found.triple}" if found.triple is not None else ""
    lines = [_line([(title, "bold")], screen), *_content(row, screen)]
    request = found.request
    for beside in row["beside"]:
        place = f"record {beside['record']}  {beside['kind']}"
        after = f"  +{(beside['at'] - _begin(request)) * 1e3:.3f} ms" if request is not None else ""
        lines += [_line([(f"  {place}", "cyan"), after], screen), *_content(beside, screen)]
    if found.left_out:
        more = counted(found.left_out, "more chunk or message", "more chunks and messages")
        lines.append(_line([f"  … and {more}"], screen))
    return "".join(lines)


def unsolicited(number: int, pushed: Unsolicited, followed: str, screen: Screen | None = None) -> str:
    """Return an unsolicited event in full.

    Args:
        number: Its number, from 1.
        pushed: The event.
        followed: What it followed, in words.
        screen: The screen; None for a pipe.
    """
    event = pushed.event
    title = f"unsolicited event u{number}  at {event.t / 1e9:.3f} s  session {pushed.session or 'unknown'}"
    lines = [
        _line([(printable(title), "bold")], screen),
        _line([("  event    ", "cyan"), printable(f"{event.channel}  {pushed.name}")], screen),
        *_value(rows.unsolicited(number, pushed)["data"], screen),
        _line([("  carried  ", "cyan"), f"by record {event.seq}"], screen),
        _line([("  follows  ", "cyan"), printable(followed)], screen),
    ]
    if pushed.is_ignored:
        lines.append(_line(["  the dialect ignores such events"], screen))
    return "".join(lines)


def _begin(request: Request) -> float:
    return round(request.t / 1e9, 6)


def _content(row: dict[str, Any], screen: Screen | None) -> Iterator[str]:
    """Yield the lines about the content of a record: its first line, its headers, its body."""
    first = f"{row['method']} {row['path']}" if "method" in row else "  ".join(_others(row))
    if first:
        yield _line([f"           {printable(first)}"], screen)
    for name, value in row.get("headers", ()):
        yield _line([(f"           {printable(f'{name}: {value}')}", "dim")], screen)
    yield from _value(row.get("body"), screen)


def _others(row: dict[str, Any]) -> Iterator[str]:
    """Yield the fields of a record that its kind alone has: a status, a sender, a reason."""
    for name, value in row.items():
        if name not in _HIDDEN and value is not False:
            yield name if value is True else str(value) if name in _ALONE else f"{name} {value}"


def _value(value: Any, screen: Screen | None) -> Iterator[str]:
    """Yield the lines of a JSON value or text: on a screen over several lines, in a pipe on one."""
    if value is None:
        return
    text = value if isinstance(value, str) else json.dumps(value, indent=2 if screen else None, ensure_ascii=False)
    for part in text.split("\n") if screen is not None else [text]:
        yield _line([f"           {printable(part)}"], screen)


def _line(pieces: list[Cell], screen: Screen | None) -> str:
    if screen is None:
        return "".join(piece if isinstance(piece, str) else piece[0] for piece in pieces) + "\n"
    return screen.line(*pieces, indent=13)
