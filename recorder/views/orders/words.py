"""Say the deviations of a schedule in sentences, with the names of what they move."""

from __future__ import annotations

from collections.abc import Mapping

from ...replay.engine.orders.deviations import Deviation, Kind
from ...replay.engine.orders.items import Item
from .acts import Known

_SENTENCES = {
    Kind.BEFORE: "{item} comes before {other}",
    Kind.TOGETHER: "{item} comes in one answer with {other}",
    Kind.APART: "{item} comes in a later answer than {other}",
    Kind.LATE: "{item} comes {seconds} late",
    Kind.IN_REPLY: "{item} comes in the answer to another message, in no poll",
    Kind.LOST_POLL: "the poll that brings {item} is lost; it comes again",
    Kind.LOST_SESSION: "the server forgets the session before {item} comes",
    Kind.TWICE: "{item} comes twice",
    Kind.CUT: "the WebSocket is cut before {item} comes",
}


def sentence(deviation: Deviation, acts: Mapping[str, Known]) -> str:
    """Return what a deviation changes, for people; names in it come from the wire.

    Args:
        deviation: The deviation.
        acts: The acts of the recording, which has the items of the deviation.
    """
    other = "" if deviation.other is None else _told(deviation.other, acts)
    milliseconds = round(deviation.seconds * 1000)
    seconds = f"{milliseconds / 1000:g} s" if milliseconds >= 1000 else f"{milliseconds} ms"
    return _SENTENCES[deviation.kind].format(item=_told(deviation.item, acts), other=other, seconds=seconds)


def _told(item: Item, acts: Mapping[str, Known]) -> str:
    label = acts[str(item)].label
    return f"the ack of {label} ({item})" if item.is_ack else f"{label} ({item})"
