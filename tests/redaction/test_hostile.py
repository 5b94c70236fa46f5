"""Bodies that were made to take memory or time of who looks through them."""

from __future__ import annotations

import tracemalloc

import pytest

from recorder.model import Response
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from tests.costs import assert_cheap

pytestmark = pytest.mark.once

SIZE = 100_000


@pytest.mark.once
@pytest.mark.parametrize(
    "unit",
    [
        b"[", b"{", b'{"a":', b'"', b"\\", b'\\"', b"a", b"%41", b"%", b"=", b"a=", b"&a=b", b"A=", b"QUJD", b"f(",
        b"@", b"a@", b"a.", b"+1", b"1 ", b"-", b" ", b"\n", b";", b"eyJhIjoxfQ.", b"Bearer ", b"\xff", b"/**/",
        b'{"password":"',
    ],
)  # fmt: skip
def test_a_body_of_one_thing_repeated_takes_time_and_memory_in_proportion(unit: bytes) -> None:
    body = unit * (SIZE // len(unit))

    def act() -> None:
        Redactor(load(), bytes(32)).redact(Response(0, 0, 0, 200, (), body))

    assert_cheap(act, below=3)
    tracemalloc.start()
    act()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100 * SIZE


def test_a_value_is_found_however_deep_it_is() -> None:
    nested = b'{"a":' * 5000 + b'{"password":"hunter2hunter2"}' + b"}" * 5000

    made = Redactor(load(), bytes(32)).redact(Response(0, 0, 0, 200, (), nested + b' {"password":"tiger5tiger5"}'))

    assert isinstance(made, Response)
    assert b"tiger5" not in made.body
    assert b"hunter2" not in made.body
