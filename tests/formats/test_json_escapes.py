from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from recorder.formats.json_escapes import plain
from tests.bayeux.hostile import VALUES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'{"a":"x\/y\u002Bz"}', '{"a":"x/y+z"}'),
        (r'{"a":"\ud83d\uDE00\u00E9"}', '{"a":"😀é"}'),
        (r'{"a":"\\u002b\\/"}', r'{"a":"\\u002b\\/"}'),
        (r'{"a":"\n\"\u0022\u005c\u0000\ud800\udc"}', r'{"a":"\n\"\u0022\u005c\u0000\ud800\udc"}'),
        (r"a\/b", r"a\/b"),
    ],
)
def test_only_escapes_without_need_are_undone(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(VALUES)
def test_the_value_stays(value: Any) -> None:
    text = json.dumps([value]).replace("/", r"\/")

    assert json.dumps(json.loads(plain(text))) == json.dumps([value])
