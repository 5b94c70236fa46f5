"""Conversations that are made of choices: what a hostile client and server may be seen to say."""

from __future__ import annotations

from tests.fuzz.drawing import Draw
from tests.wire import Desk, Wire, chained, complete, done, error_event, get_me, preview, record_event, state_event

NAMES = (
    "referenceId", "recordHandle", "notificationType", "channel", "devicePath", "handle", "id", "record", "fields",
    "", "statusCode", "errorCode", "userData", "key", "value", "params", "method", "jsonrpc", "result",
    "campaignName",
)  # fmt: skip
_MOST = 24  # steps
_TARGETS = ("/events", "/socket", "/api/v2/me", "/api/v2/notifications", "/%00?a=b&a=c", "//", "", "http://x/", "*")


def played(draw: Draw) -> Wire:
    """Play the steps that an input names."""
    wire = Wire()
    desks, exchanges, sockets, streams = [wire.desk(), wire.desk()], [0], list[int](), list[int]()
    steps = 0
    while draw.left and steps < _MOST:
        steps += 1
        _step(draw, wire, draw.pick(desks), exchanges, sockets, streams)
    return wire


def _step(  # noqa: PLR0912, PLR0917  # a table of steps
    draw: Draw, wire: Wire, desk: Desk, exchanges: list[int], sockets: list[int], streams: list[int]
) -> None:
    handle, reference = draw.below(3), draw.pick(("r1", "r2", None, 7, "\ud800"))
    exchange = draw.pick(exchanges)
    match draw.below(17):
        case 0:
            exchanges.append(desk.post(chained(handle, reference)))
        case 1:
            exchanges.append(desk.post(complete(handle, reference)))
        case 2:
            exchanges.append(desk.post(preview(reference)))
        case 3:
            exchanges.append(desk.post(get_me()))
        case 4:
            wire.respond(exchange, draw.value(NAMES), draw.pick((200, 200, 204, 409, 500, 101, 302)))
        case 5:
            wire.ack(exchange)
        case 6:
            wire.fail(exchange)
        case 7:
            desk.hears(done(handle, reference), record_event("RecordStateChanged", handle, reference))
        case 8:
            desk.hears(error_event() if handle else state_event())
        case 9:
            desk.hears({"channel": draw.pick(("/v2/me/outbound", "/x", "/meta/x")), "data": draw.value(NAMES)})
        case 10:
            wire.wait(draw.pick((0.0, 0.5, 3.0, 4000.0)))
        case 11:
            exchanges.append(wire.request(draw.pick(("GET", "POST", "x")), draw.pick(_TARGETS), draw.raw(20)))
        case 12:
            streams.append(wire.streams(draw.pick(_TARGETS)))
            wire.head(streams[-1])
        case 13 if streams:
            wire.sends(draw.pick(streams), draw.value(NAMES), is_last=handle == 2)
        case 14:
            sockets.append(wire.upgrades(draw.pick(_TARGETS)))
        case 15 if sockets:
            wire.says(draw.pick(sockets), draw.value(NAMES), from_client=bool(handle))
        case 16:
            desk.loses_poll()
