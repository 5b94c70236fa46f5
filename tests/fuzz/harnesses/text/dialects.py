"""Dialects: TOML that can be used, or a DialectError; one that can be used reads any conversation."""

from __future__ import annotations

from functools import cache

from recorder.correlate.engine import correlate
from recorder.dialect.definition import parse
from recorder.dialect.parsing import examined
from recorder.dialect.paths import as_key, covers, each, lookup, split, tree_of, without
from recorder.errors import DialectError
from recorder.model import Record
from tests.fuzz.drawing import Draw
from tests.fuzz.guarding import must
from tests.wire import HEADER, Wire, chained, complete, done, preview

TOKENS = (
    b"name = ", b"[keys]\n", b"[[operations]]\n", b"[keys.x]\n", b"path = ", b"method = ", b'"body.a.b"',
    b'"/a/{id}"', b"events = [", b"terminal = ", b"'(a+)+$'", b'"**"', b'"*"', b"[]", b"{}", b"true", b"1e999",
    b"[push]\n", b"topic = ", b"request = ", b"event = ", b"ack = ", b'"data.x"', b"body[].a", b"[bayeux]\n",
    b"prefix = ", b"\\u0000", b'"""', b"errors = ", b"unreferenced = ", b"same = ", b"window = ", b"[session]\n",
    b"0x10", b"2026-01-01", b"-1", b"nan",
)  # fmt: skip
NAMES = ("a", "b", "", "key", "value", "0")


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    if data[:1] == b"\x01":
        _paths(Draw(data[1:]))
        return
    text = data.decode("utf-8", "surrogateescape")
    try:
        dialect = parse(text, path="x")
        examined(text, path="x")
    except DialectError as exc:
        must("\n" not in str(exc), f"more than a line: {exc}")
        return
    correlate(_records(), dialect, HEADER)


def _paths(draw: Draw) -> None:
    value = draw.value(NAMES)
    path = draw.rest().decode("utf-8", "replace")
    parts = split(path)
    lookup(value, path)
    for found in each(value, parts):
        as_key(found)
    tree = tree_of([f"body.{path}"], "body")
    covers(tree, parts)
    without(value, tree)


@cache
def _records() -> tuple[Record, ...]:
    wire = Wire()
    desk = wire.desk()
    desk.asks(preview("r1"))
    desk.asks(chained(7, "r2"), done(7, "r2"))
    desk.asks(complete(7, "r3"), done(7, "r3"))
    return tuple(wire.records)
