"""The page's reader of JSON: what it shows is what stands there, to the last digit."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.views.pages.test_model import NUMBERS, ODD

pytestmark = [pytest.mark.node, pytest.mark.once]

SCRIPT = Path(__file__).parent / "json.js"


def shown(*texts: str) -> list[str]:
    given = json.dumps(texts)
    done = subprocess.run(["node", SCRIPT], input=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.randrange(6 if depth < 4 else 4)
    if kind < 2:
        return chance.choice(NUMBERS)
    if kind < 4:
        return chance.choice([text.encode("utf-8", "replace").decode() for text in ODD])
    if kind == 4:
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(["a", "__proto__", "2", "1", ""]): value(chance, depth + 1) for _ in range(3)}


def written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def test_what_is_shown_is_what_was_read() -> None:
    chance = random.Random(5)
    texts = [written(value(chance)) for _ in range(400)]

    assert [json.dumps(json.loads(text)) for text in shown(*texts)] == [json.dumps(json.loads(text)) for text in texts]


def test_numbers_and_the_order_of_names_are_kept_as_they_are_written() -> None:
    texts = [written(NUMBERS), '{"2":1,"1":2,"__proto__":3}', "[1.0,-0.0,1e400,NaN,-Infinity,9007199254740993,1E5]"]

    assert shown(*texts) == texts


def test_long_and_deep_values_are_read() -> None:
    texts = [written('\\"' * 1_000_000), "[" * 200 + "]" * 200, " [ 1 , { } ] \n"]

    assert shown(*texts) == [*texts[:2], "[1,{}]"]


def test_what_is_no_json_is_refused() -> None:
    mistakes = [
        "",
        "[",
        "[1",
        "[1,]",
        "{",
        '{"a"}',
        '{"a":}',
        "{1:2}",
        '"',
        '"\\"',
        "nul",
        "1 2",
        "]",
        '{"a":1,}',
        "[1 2]",
    ]

    assert shown(*mistakes) == ["no"] * len(mistakes)
