"""Propose values for keys of a dialect that are missing or have a value of another kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .words import quoted

TEXT, TEXTS, GROUPS = "a string", "a list of strings", "a list of lists of strings"
MIXED = "a list of strings, or of lists of strings"
SECONDS, FLAG, TABLE, MARKS = "a number of seconds", "true or false", "a table", "a string or a list of strings"

_DEEPEST = 20  # parts of a path

_BY_KIND = {
    TEXT: '"…"', TEXTS: '["…"]', GROUPS: '[["…"]]', MIXED: '["…"]', SECONDS: "60.0", FLAG: "true", MARKS: '["…"]',
}  # fmt: skip
_BY_KEY = {
    "name": '"my-api"',
    "bayeux_prefix": '"/cometd"',
    "session_cookies": '["JSESSIONID", "BAYEUX_BROWSER"]',
    "open_for": "60.0",
    "grace": "2.0",
    "request.methods": '["POST", "PUT", "PATCH", "DELETE"]',
    "ack.status": '[], or a path such as ["body.statusCode"]',
    "ack.success": '[], or the codes that mean success, such as ["0"]',
    "event.ordered": '["/orders/*"]',
    "event.error_same": '[], or keys that requests and events have, such as ["device"]',
    "twin.channel": '"/me/internal", the channel of the copies',
    "twin.of": '"/me/events", the channel of the first events',
    "tuple.enough": '[["…"]] with keys of `same`',
    "push.replay": '"replay"',
    "push.replay_id": '"data.event.replayId"',
    "push.topic": '["data.topicName"]',
    "push.asks": '["body.type"]',
    "push.urls": '["/channels/{channel}"]',
    "publish.channels": '["/service/**"]',
    "events": '["NAME"], or [] if no event follows',
    "terminal": "[] if the ack ends it, or the events that do",
}


def missing(keys: tuple[str, ...], kind: str) -> str:
    """Return the cause and a proposal for a key that is missing."""
    name = _dotted(keys)
    if kind == TABLE:
        return f"is missing; write a table [{name}]"
    where = "" if len(keys) > 1 else " before the first table"
    return f"is missing; write {_key(keys[-1])} = {_example(keys, kind)}{where}"


def other(keys: tuple[str, ...], kind: str, value: Any) -> str:
    """Return the cause and a proposal for a value that is of another kind than the key asks for."""
    if kind == TABLE:
        meant = f"[{_dotted(keys)}]"
        brackets = "double brackets" if isinstance(value, list) and value and isinstance(value[0], dict) else "a value"
        return f"must be a table; write {meant} and its keys in the lines below it, not {brackets}"
    if kind in {MARKS, TEXTS} and isinstance(value, dict) and value:
        path, own = _leaf(keys[-1], value)
        why = "a path is one name" if kind == MARKS else "a name with a dot stands in quotation marks"
        return f"is a table, because {why}; write {quoted(path)} = {_as_kind(kind, own) or _BY_KIND[kind]}"
    if kind == MARKS or keys == ("ack", "success"):  # only these are compared with true and false
        items = value if isinstance(value, list) else [value]
        value = [str(one).lower() if isinstance(one, bool) else one for one in items]
    proposal = _as_kind(kind, value) or _example(keys, kind)
    return f"must be {kind}; write {_key(keys[-1])} = {proposal}"


def example(keys: tuple[str, ...]) -> str:
    """Return a number of seconds that a key may have."""
    return _example(keys, SECONDS)


def _leaf(path: str, value: Any) -> tuple[str, Any]:
    """Return the whole path and the value that were meant where the dots of a path made tables."""
    for _ in range(_DEEPEST):
        if not isinstance(value, dict) or not value:
            break
        name, value = next(iter(value.items()))
        path = f"{path}.{name}"
    return path, value


def _example(keys: tuple[str, ...], kind: str) -> str:
    of_operation = keys[-1] if keys[0] == "operations" and len(keys) == 3 else ""  # operations.X.events
    return _BY_KEY.get(of_operation or ".".join(keys)) or _BY_KIND[kind]


def _as_kind(kind: str, value: Any) -> str | None:
    """Return a value written as the kind that is asked for, None if that makes no sense."""
    match kind:
        case "a string":
            return _text(value[0] if isinstance(value, list) and len(value) == 1 else value)
        case "a list of strings" | "a string or a list of strings":
            return _list(value if isinstance(value, list) else [value])
        case "a list of lists of strings" if isinstance(value, list):
            groups = [_list(item if isinstance(item, list) else [item]) for item in value]
            return f"[{', '.join(map(str, groups))}]" if all(groups) and groups else None
        case "a list of strings, or of lists of strings" if isinstance(value, str):
            return _list([value])
        case "a number of seconds":
            return _number(value)
        case "true or false" if str(value).lower() in {"true", "yes", "on", "1"}:
            return "true"
        case "true or false":
            return "false"
    return None


def _text(value: Any) -> str | None:
    is_plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return quoted(str(value)) if is_plain and value != "" else None


def _list(items: Iterable[Any]) -> str | None:
    texts = [_text(item) for item in items]
    return f"[{', '.join(map(str, texts))}]" if texts and all(texts) else None


def _number(value: Any) -> str | None:
    text = str(value).strip().lower().removesuffix("s").strip()
    return text if text.replace(".", "", 1).isdecimal() and text.isascii() and text[0] != "0" else None


def _key(key: str) -> str:
    return key if key and key.replace("-", "").replace("_", "").isalnum() and key.isascii() else quoted(key)


def _dotted(keys: tuple[str, ...]) -> str:
    return ".".join(map(_key, keys))
