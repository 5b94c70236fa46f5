"""Options of commands: rates, sizes, numbers, addresses, thresholds and faults; a value, or a mistake that is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from recorder.capture.address import parse as address
from recorder.cli.commands.record import Size
from recorder.cli.commands.slice import Numbers
from recorder.cli.options import Listen, Rate
from recorder.diff.differences import Latency
from recorder.errors import UsageError
from recorder.replay.engine import faults
from tests.fuzz.drawing import Draw
from tests.fuzz.guarding import must

TOKENS = (
    b"50%", b"200ms", b"64M", b"1-9999999", b"1,3-5", b"[::1]:8080", b":0", b"http://", b"user:pw@", b"x" * 70,
    b"instant", b"original", b"2x", b"drop ", b"delay ", b"duplicate ", b"reorder ", b"http 503 ",
    b"refuse handshake", b" with '", b"expire 10s idle", b"#1", b" 3 times", b"10%", b"1e999", b"nan", b"-0",
    b"\xc2\xb2", b"9" * 5000, b"stall heartbeat", b"\xd9\xa3", b"fe80::1%eth0", b"xn--", b"\x00",
)  # fmt: skip


def _url(text: str) -> object:
    return address(text, what="UPSTREAM", example="http://a")


READERS: tuple[Callable[[str], object], ...] = (
    *(lambda text, kind=kind: kind.convert(text, None, None) for kind in (Rate(), Size(), Numbers(), Listen())),
    Latency.parse, faults.parse, _url,
)  # fmt: skip


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    draw = Draw(data)
    read = draw.pick(READERS)
    text = draw.rest().decode("utf-8", "surrogateescape")
    try:
        found: Any = read(text)
    except (UsageError, click.UsageError) as exc:
        must("\n" not in str(exc), f"more than a line: {exc}")
        return
    assert found is not None
    if isinstance(found, faults.Fault):
        assert faults.parse(found.text) == found, "a fault that is told means another one"
