"""Recordings for the tests of exports: a shipped one, and one in which strangers chose every text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from recorder.cassette.reader import Cassette, read
from recorder.library.recording import derive
from recorder.model import Recording
from tests.wire import HEADER, Wire, campaign_event, chained, done, operation, preview, record_event

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
HOSTILE = "a;b#35;\"'`$(touch x)`%%\n</script><b>: end wrap:{}[]()|&\u202e\x1b[2J😀\ud800"


def preview_cassette() -> Cassette:
    return read(PREVIEW)


def preview_recording() -> Recording:
    return derive(preview_cassette())


def hostile() -> Cassette:
    """Operations, ids, channels, paths, failures and the server's name are all the stranger's."""
    wire = Wire()
    desk = wire.desk("c;1", headers=(("Cookie", f"JSESSIONID={HOSTILE}"), ("X-Odd", HOSTILE)))
    evil = operation(f"/api/v2/me/outbound-records/{HOSTILE}?{HOSTILE}={HOSTILE}", HOSTILE, HOSTILE)
    desk.asks(evil)
    desk.asks(chained(7, HOSTILE), done(7, HOSTILE) | {"channel": f"/{HOSTILE}"})
    desk.asks(preview(HOSTILE, "C"), campaign_event(HOSTILE, HOSTILE))
    wire.respond(desk.post(chained(8, "r")), b"\xff\x00" + HOSTILE.encode("utf-8", "surrogatepass"), status=599)
    wire.fail(desk.post(chained(9, "r9")), HOSTILE)
    desk.post(chained(10, "open"))
    desk.hears(record_event(HOSTILE, 99, None))
    return Cassette(replace(HEADER, upstream=f"http://{HOSTILE}"), tuple(wire.records))


def two_sessions() -> Cassette:
    """Two desktops, each with operations that overlap."""
    wire = Wire()
    desks = [wire.desk(headers=(("Cookie", f"JSESSIONID=cookie-{n}"),)) for n in range(2)]
    for n, desk in enumerate(desks):
        first, second = desk.post(chained(n, f"a{n}")), desk.post(chained(n + 10, f"b{n}"))
        wire.wait(0.1)
        wire.ack(first)
        wire.wait(0.1)
        wire.ack(second)
        desk.hears(done(n, f"a{n}"), done(n + 10, f"b{n}"))
    return Cassette(HEADER, tuple(wire.records))


def socket() -> Cassette:
    """A session over a WebSocket: text, bytes, an event, and its end."""
    wire = Wire()
    upgrade = wire.request("GET", "/api/v2/notifications/socket?a=1", b"", (("Upgrade", "websocket"),))
    wire.respond(upgrade, b"", status=101)
    shake = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["websocket"]}
    wire.frame(upgrade, shake, from_client=True)
    wire.frame(upgrade, shake | {"successful": True, "clientId": "c1"}, from_client=False)
    wire.wait(0.5)
    asked = wire.request("POST", "/api/v2/me/outbound-records/7", chained(7, "r1").body)
    wire.ack(asked)
    wire.frame(upgrade, done(7, "r1"), from_client=False)
    wire.wait(0.25)
    last = wire.records[-1]
    wire.records.append(replace(last, seq=len(wire.records), t=last.t + 250_000_000, body=b"\xff\xfe"))
    wire.fail(upgrade, "websocket closed by client, code 1000")
    return Cassette(HEADER, tuple(wire.records))
