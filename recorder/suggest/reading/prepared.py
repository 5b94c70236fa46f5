"""Give requests and events the templates of their paths and channels, and the values in these."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from ...bayeux.publishes import PUBLISH
from ...push.rules import MESSAGE
from .templates import ID, Templates
from .traffic import Asked, Pushed, Traffic


def prepare(traffic: Traffic) -> None:
    """Set the operation of each request to its method and template, and add the ids in paths and channels."""
    told = _told(traffic.asked, traffic.pushed)
    urls = Templates((one.path for one in traffic.asked if one.method not in {PUBLISH, MESSAGE}), told.__contains__)
    topics = Templates(
        [one.channel for one in traffic.pushed if one.channel.startswith("/")]
        + [one.path for one in traffic.asked if one.method == PUBLISH],
        told.__contains__,
        is_url=False,
    )
    for one in traffic.asked:
        if one.method == MESSAGE:  # topics without a slash are names, not paths
            one.operation = f"{one.method} {one.path}"
            continue
        parts = (topics if one.method == PUBLISH else urls).of(one.path)
        one.operation = f"{one.method} {'/'.join(parts)}"
        one.sent |= _parts(one.path, parts, "path" if one.method != PUBLISH else "channel")
    for event in traffic.pushed:
        if not event.channel.startswith("/"):
            event.topic = event.channel
            continue
        parts = topics.of(event.channel)
        event.topic = "/".join(parts)
        event.values |= _parts(event.channel, parts, f"channel:{event.topic}")


def _parts(path: str, parts: tuple[str, ...], root: str) -> dict[str, tuple[str, ...]]:
    return {
        f"{root}.{place}": (unquote(own),)
        for place, (own, part) in enumerate(zip(path.split("/"), parts, strict=True))
        if part == ID
    }


def _told(asked: Iterable[Asked], pushed: Iterable[Pushed]) -> set[str]:
    """Return the values that stand alone in a place of an answer or an event."""
    found: set[str] = set()
    for values in (*(one.answered for one in asked), *(event.values for event in pushed)):
        found.update(alone[0] for alone in values.values() if len(alone) == 1)
    return found
