"""Write the events of streams and plain WebSockets for a live client, as they stood on the recorded wire.

The recorded bytes stay where no value of the client stands in them: spaces, numbers and the order of fields are the
server's. Else the data alone is written anew, and the fields that hold a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ....model import JSON, Event
from ....push.port import WEBSOCKET
from ....push.rules import read
from .rewriter import Rewriter
from .templates import Template, encode

_LINE = re.compile(rb"(?<![^\r\n])([^\r\n]*+)(\r\n|\r|\n)")  # HTML, section 9.2.5 "Parsing an event stream"
_LINE_END = re.compile(r"\r\n|\r|\n")
_SEPARATOR = re.compile(r"[\x1e\r\n]+")  # SignalR and json-seq (RFC 7464) write the first, others lines
_FIELDS = ("id", "event")
_BOM = b"\xef\xbb\xbf"  # at the begin of a stream alone; elsewhere it would be a part of a field's name


def relinked(event: Event, recorded: Event, protocol: str) -> Event:
    """Return an event whose links were changed for a client, with its bytes changed alike."""
    if recorded.raw is None or event.data is recorded.data:
        return event
    is_plain = _is_plain(recorded, protocol)
    return replace(event, raw=_with_text(recorded, event.data if is_plain else encode(event.data), protocol))


def written(event: Event, protocol: str, template: Template, rewriter: Rewriter, data: JSON) -> bytes:
    """Return the bytes of an event for one client.

    Args:
        event: The event, with its data as recorded.
        protocol: Protocol of its stream.
        template: The data as JSON, with holes for the values of a client.
        rewriter: Knows the client's values.
        data: The data with its dates moved; the recorded data itself if it has none.

    """
    text = None if is_binary(event) else _changed(event, protocol, template, rewriter, data)
    fields = {} if protocol == WEBSOCKET else _changed_fields(event, rewriter)
    raw = event.raw if event.raw is not None else _as_usual(event, protocol)
    if text is None and not fields:
        return raw.removeprefix(_BOM)
    return _with_text(replace(event, raw=raw), text, protocol, fields)


def id_of(event: Event, rewriter: Rewriter) -> str | None:
    """Return the id that a client names when it goes on after a server-sent event; None if it has none."""
    recorded = (event.beside or {}).get("id")
    return _field(recorded, rewriter) if isinstance(recorded, str) else None


def is_binary(event: Event) -> bool:
    """Return whether an event is a binary message on a WebSocket."""
    return event.beside is not None and event.beside.get("binary") is True


def block(data: str, fields: Mapping[str, str]) -> bytes:
    """Return a server-sent event."""
    lines = [f"{name}: {_LINE_END.sub(' ', value)}" for name, value in fields.items()]
    lines += [f"data: {line}" for line in _LINE_END.split(data)]
    return encoded("\n".join([*lines, "", ""]))


def encoded(text: str) -> bytes:
    """Return a text in UTF-8; half a surrogate pair has none, and is written as its JSON escape."""
    return text.encode("utf-8", "backslashreplace")


def _changed(event: Event, protocol: str, template: Template, rewriter: Rewriter, data: JSON) -> str | None:
    """Return the text of the data for one client; None where that is the recorded text."""
    if _is_plain(event, protocol):
        new = _rewritten_text(data, rewriter) if isinstance(data, str) else data
        return None if new == event.data else new
    if data is event.data:
        new = rewriter.encoded(template, data)
        if new == "".join(template.pieces):
            return None
    else:
        new = encode(rewriter.value(data))
    old = "" if event.raw is None else _text_in(event.raw, protocol)
    begun = old.lstrip()  # \x1e, which SignalR and json-seq write, is white space for Python
    return f"{old[: len(old) - len(begun)]}{new}{begun[len(begun.rstrip()) :]}"


def _rewritten_text(text: str, rewriter: Rewriter) -> str:
    """Return a text that is no JSON for one client; of several JSON values behind each other, each for itself."""
    parts = _SEPARATOR.split(text)
    values = [read(part) for part in parts]
    if len(parts) == 1 or any(isinstance(value, str) and value.strip() for value in values):
        return rewriter.text(text)
    seams = [*_SEPARATOR.findall(text), ""]
    news = [value if isinstance(value, str) else rewriter.value(value) for value in values]
    made = (part if new == old else encode(new) for part, old, new in zip(parts, values, news, strict=True))
    return "".join(part + seam for part, seam in zip(made, seams, strict=True))


def _changed_fields(event: Event, rewriter: Rewriter) -> dict[str, str]:
    """Return the fields of a server-sent event that hold a value of the client."""
    beside = event.beside or {}
    recorded = {name: beside[name] for name in _FIELDS if isinstance(beside.get(name), str)}
    return {name: new for name, old in recorded.items() if (new := _field(old, rewriter)) != old}


def _field(value: str, rewriter: Rewriter) -> str:
    """Return a field for a client, whose own value may hold what would end the line."""
    return _LINE_END.sub(" ", rewriter.text(value))


def _is_plain(event: Event, protocol: str) -> bool:
    """Return whether the data of an event is text that is no JSON."""
    return isinstance(event.data, str) and (event.raw is None or event.data == _text_in(event.raw, protocol))


def _text_in(raw: bytes, protocol: str) -> str:
    """Return the data in the bytes of an event, as text."""
    if protocol == WEBSOCKET:
        return raw.decode("utf-8", "replace")
    values = (_value(line[1]) for line in _LINE.finditer(raw) if _name(line[1]) == b"data")
    return b"\n".join(values).decode("utf-8", "replace")


def _with_text(event: Event, text: str | None, protocol: str, fields: Mapping[str, str] | None = None) -> bytes:
    """Return the bytes of an event with other data (None leaves it) and other fields, and all else as it was."""
    raw, left = event.raw or b"", {name.encode(): value for name, value in (fields or {}).items()}
    if protocol == WEBSOCKET:
        return raw if text is None else encoded(text)
    data = None if text is None else [encoded(line) for line in _LINE_END.split(text)]
    lines = []
    for line in _LINE.finditer(raw.removeprefix(_BOM)):
        name, content, end = _name(line[1]), line[1], line[2]
        before = content[: len(content) - len(_value(content))] or name + b": "
        if name == b"data" and data is not None:
            lines += [before + one + end for one in data]
            data = []
        else:
            lines.append(before + encoded(left[name]) + end if name in left else line[0])
    return b"".join(lines)


def _name(line: bytes) -> bytes:
    return line.partition(b":")[0]


def _value(line: bytes) -> bytes:
    return line.partition(b":")[2].removeprefix(b" ")


def _as_usual(event: Event, protocol: str) -> bytes:
    """Return the bytes of an event whose recorded ones are not known."""
    text = event.data if isinstance(event.data, str) else encode(event.data)
    if protocol == WEBSOCKET:
        return encoded(text)
    return block(text, {name: str(value) for name, value in (event.beside or {}).items()})
