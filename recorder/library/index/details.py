"""Store what was derived beside triples, exchanges and events: a few details of the recording, as JSON.

Each detail is a pair: what it is, and the JSON text of a part of it. Lists come in parts of some 64 KiB.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from ...errors import CassetteError
from ...model import JSON, AnchorKind, ClientMessage, Recording, Reply, Stream

Detail: TypeAlias = tuple[str, str]

_PART = 64 << 10  # characters


class Told(NamedTuple):
    """The names that the tables of an index give as numbers.

    Attributes:
        clients: The clients of events, in the table `carriers`.
        orders: The names of the keys of a triple in the order in which they were found, in the table `orders`.
        widths: Bytes of an entry of further tables, by their names.
        heard: The numbers of the clients that got events of a session, those of its triples too, by its label.
    """

    clients: list[str]
    orders: list[list[str]]
    widths: dict[str, int]
    heard: dict[str, list[int]]


def details_of(recording: Recording, told: Told) -> Iterator[Detail]:
    """Yield the details of a recording.

    Args:
        recording: The recording; its triples, other exchanges and unsolicited events are left alone.
        told: What the tables name by numbers.

    Raises:
        ValueError: If a detail cannot be stored.
        RecursionError: If a detail is nested too deeply to be stored.
    """
    about = {
        "widths": told.widths,
        "heard": told.heard,
        "session_starts": [[label, *at] for label, at in recording.session_starts.items()],
        "poll_timeout": recording.poll_timeout,
        "windows": recording.windows,
        "addressed": sorted(recording.addressed),
        "guard": recording.guard,
        "subprotocols": recording.subprotocols,
    }
    yield "about", _text(about)
    yield from _parts("clients", told.clients)
    yield from _parts("orders", told.orders)
    yield from _parts("messages", map(_of_message, recording.messages))
    yield from _parts("replies", map(_of_reply, recording.replies))
    yield from _parts("streams", map(_of_stream, recording.streams))
    yield from _parts("lost_polls", recording.lost_polls)
    yield from _parts("attempts", recording.attempts)


def recording_of(details: Iterable[Detail], bare: Recording, path: str) -> tuple[Recording, Told]:
    """Return a recording with its details, and what else they tell.

    Args:
        details: The details, as `details_of` gave them.
        bare: The recording without details.
        path: Name of the file, for errors.

    Raises:
        CassetteError: If the details are damaged.
    """
    found: dict[str, list[Any]] = defaultdict(list)
    try:
        for what, text in details:
            found[what].append(json.loads(text))
        lists = {what: list(chain.from_iterable(parts)) for what, parts in found.items() if what != "about"}
        about = found["about"][0]
        return replace(
            bare,
            session_starts={label: (seq, t) for label, seq, t in about["session_starts"]},
            poll_timeout=about["poll_timeout"],
            windows=about["windows"],
            addressed=frozenset((name, value) for name, value in about["addressed"]),
            guard=(about["guard"][0], about["guard"][1]),
            subprotocols=tuple(about["subprotocols"]),
            messages=tuple(map(_message, lists.get("messages", []))),
            replies=tuple(map(_reply, lists.get("replies", []))),
            streams=tuple(Stream(*row) for row in lists.get("streams", [])),
            lost_polls=tuple((label, seq) for label, seq in lists.get("lost_polls", [])),
            attempts=tuple((before, after) for before, after in lists.get("attempts", [])),
        ), Told(lists.get("clients", []), lists.get("orders", []), about["widths"], about.get("heard", {}))
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as exc:
        raise CassetteError(path, "the details of its index are damaged", hint="run recorder doctor") from exc


def _parts(what: str, items: Iterable[Any]) -> Iterator[Detail]:
    texts: list[str] = []
    size = 0
    for item in items:
        texts.append(_text(item))
        size += len(texts[-1])
        if size >= _PART:
            yield what, f"[{','.join(texts)}]"
            texts, size = [], 0
    if texts:
        yield what, f"[{','.join(texts)}]"


def _text(value: JSON) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _of_message(one: ClientMessage) -> list[JSON]:
    return [one.kind.value, one.at, one.t, one.session, one.client_id, one.name, one.data, one.renews, one.id]


def _message(row: list[JSON]) -> ClientMessage:
    kind, at, *rest = row
    return ClientMessage(AnchorKind(kind), _at(at), *rest)


def _of_reply(one: Reply) -> list[JSON]:
    return [one.at, one.t, one.session, one.client_id, one.asked, one.name, one.number, one.message, one.pushed]


def _reply(row: list[JSON]) -> Reply:
    at, *rest = row
    return Reply(_at(at), *rest)


def _at(pair: list[int]) -> tuple[int, int]:
    seq, index = pair
    return seq, index


def _of_stream(one: Stream) -> list[JSON]:
    return [
        one.key, one.exchange, one.protocol, one.seq, one.opened, one.closed, one.ended, one.code, one.reason,
        one.subprotocol, one.session, one.end,
    ]  # fmt: skip
