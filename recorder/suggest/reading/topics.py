"""Find what a dialect says of push without Bayeux: the places of topics, and the URLs that answers give out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...dialect.values import first
from ...push.rules import MESSAGE, UNNAMED, PushRules
from .templates import ID
from .traffic import BARE, Leaves, Traffic
from .values import is_name, is_random, looks_like_id

_TOPIC = re.compile(r"topic(?:_?name)?", re.IGNORECASE)
_MEMBER = re.compile(
    r"(?:event|message|msg|notification|action|command|request)_?(?:name|type|kind)"
    r"|type|kind|event|action|command|cmd|op|operation|method|target|subject|channel|destination",
    re.IGNORECASE,
)
_DEEPEST = 2  # members that a path leads through
_SHARE, _KINDS = 0.3, 2  # of the messages that say nothing else: how many have the member; its least different values


@dataclass(frozen=True, slots=True)
class Topics:
    """Places of topics in messages that neither their stream nor a common member names.

    Attributes:
        topic: Path in the data of events, None if there is none.
        asks: Path in the messages of clients on plain WebSockets, None if there is none.
        events: How many events have the topic.
        requests: How many messages have what they ask for.
    """

    topic: str | None = None
    asks: str | None = None
    events: int = 0
    requests: int = 0

    def rules(self) -> PushRules:
        """Return what a decoder needs."""
        topic, asks, nothing = self.topic, self.asks, PushRules()
        return PushRules(
            (lambda data: first((topic,), {"data": data})) if topic is not None else nothing.topic,
            (lambda body: first((asks,), {"body": body})) if asks is not None else nothing.asked,
        )


def topics(traffic: Traffic) -> Topics:
    """Return where messages that nothing names say what they are about."""
    pushed = [(event.channel, event.values) for event in traffic.pushed if not event.channel.startswith("/")]
    asked = [(one.path, one.sent) for one in traffic.asked if one.method == MESSAGE]
    topic, asks = _member(pushed), _member(asked)
    return Topics(
        topic,
        asks,
        sum(topic in values for _, values in pushed),
        sum(asks in values for _, values in asked),
    )


def _member(messages: Sequence[tuple[str, Leaves]]) -> str | None:
    """Return the path of the member that names most of the messages without a name; None if there is none.

    Args:
        messages: The name and the values of each message.
    """
    unnamed = [values for name, values in messages if name == UNNAMED]
    found: dict[str, list[str]] = defaultdict(list)
    for values in unnamed:
        for path, own in values.items():
            if len(own) == 1 and path.count(".") <= _DEEPEST and "*" not in path and not path.endswith(BARE):
                found[path].append(own[0])
    others = {
        (path, own) for name, values in messages if name != UNNAMED for path, own in values.items() if own != (name,)
    }
    taken = {path for path, _ in others}  # a path of the dialect comes first, and would rename these
    fitting = [
        (len(own), -path.count("."), path)
        for path, own in found.items()
        if path not in taken
        and len(own) >= _SHARE * len(unnamed)
        and len(set(own)) >= _KINDS
        and _are_topics(path, own)
    ]
    return max(fitting)[2] if fitting else None


def _are_topics(path: str, values: Iterable[str]) -> bool:
    name = path.rpartition(".")[2]
    if _TOPIC.fullmatch(name):
        return not any(re.search(r"\s", value) for value in values)
    return _MEMBER.fullmatch(name) is not None and all(is_name(one) and not is_random(one) for one in values)


def urls(traffic: Traffic) -> dict[str, int]:
    """Return the templates of the paths of streams and plain WebSockets whose URLs answers gave out, with how many."""
    streams = set(traffic.streams)
    found: dict[str, set[str]] = defaultdict(set)
    for one in traffic.asked:
        values = {value for own in one.answered.values() for value in own}
        for value in values:
            path = _path(value)
            if path in streams:
                found["/".join(_template(path, values))].add(value)
    return {template: len(given) for template, given in sorted(found.items())}


def stream_paths(traffic: Traffic) -> list[str]:
    """Return the templates of the paths of all streams and plain WebSockets."""
    return sorted({"/".join(_template(path, set())) for path in traffic.streams})


def _path(value: str) -> str:
    """Return the path of a URL, or of a reference that begins with a slash; "" for any other value."""
    try:
        return urlsplit(value).path if "://" in value or value.startswith("/") else ""
    except ValueError:
        return ""


def _template(path: str, values: set[str]) -> Iterator[str]:
    for part in path.split("/"):
        yield ID if part and (part in values or looks_like_id(part)) else part
