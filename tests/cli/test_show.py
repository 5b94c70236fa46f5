"""`recorder show` for things that are no triple."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from recorder.cli import main

ROOT = Path(__file__).parents[2]
PREVIEW = ROOT / "cassettes/preview-session.cassette"
SOCKET = ROOT / "tests/cassettes/labs/orders-socket.cassette"


def show(*words: object) -> Result:
    return CliRunner().invoke(main, ["show", *map(str, words)])


@pytest.mark.parametrize("words", [("r33",), ("--record", 33)])
def test_a_record_by_its_number(words: tuple[object, ...]) -> None:
    result = show(PREVIEW, *words)

    assert result.stdout.startswith("record 33  request  at 1.266 s  exchange 17  triple 4\n")
    assert "\n  record 36  response  +53.023 ms\n" in result.stdout


def test_the_answer_of_a_triple_names_it() -> None:
    assert json.loads(show(PREVIEW, "r36", "--json").stdout)["triple"] == 4


def test_a_poll_a_note_and_an_exchange_that_is_no_operation() -> None:
    assert "POST /api/v2/notifications/connect" in show(PREVIEW, "r20").stdout
    assert show(PREVIEW, "r52").stdout.startswith("record 52  note  ")
    assert show(PREVIEW, "p1").stdout.startswith("exchange  GET /api/v2/me  complete  session s1\n")


def test_a_message_and_an_unsolicited_event_of_a_websocket() -> None:
    shown = show(SOCKET, "u1", "--dialect", ROOT / "tests/cassettes/labs/none.toml")
    event = json.loads(show(SOCKET, "u1", "--jsonl").stdout)
    record = json.loads(show(SOCKET, f"r{event['record']}", "--json").stdout)

    assert shown.exit_code == 2
    assert (record["kind"], record["from"]) == ("message", "server")
    assert record["body"] == event["data"]
    assert f"carried  by record {event['record']}\n" in show(SOCKET, "u1").stdout


def test_the_numbers_are_those_of_ls_all() -> None:
    listed = CliRunner().invoke(main, ["ls", str(SOCKET), "--all"]).stdout
    line = next(line for line in listed.splitlines() if line.startswith("    u2 "))

    assert line.split()[-1] in show(SOCKET, "u2").stdout
    assert "\np1  GET /api/v2/me " in CliRunner().invoke(main, ["ls", str(PREVIEW), "--all"]).stdout


@pytest.mark.parametrize(
    ("what", "held"),
    [
        ("r53", "no record r53; it holds r0 to r52"),
        ("p2", "no exchange p2; it holds p1 to p1"),
        ("p0", "no exchange p0; it holds p1 to p1"),
        ("u1", "no unsolicited event u1; it holds none"),
        ("7", "no triple 7; it holds 1 to 6"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(what: str, held: str) -> None:
    result = show(PREVIEW, what)

    assert (result.exit_code, result.stdout) == (5, "")
    assert held in result.stderr


@pytest.mark.parametrize("words", [("x1",), ("r",), ("3.2",), (), ("3", "--record", "3"), ("r3", "-f", "n:1")])
def test_what_cannot_be_meant_is_a_usage_error(words: tuple[str, ...]) -> None:
    result = show(PREVIEW, *words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "r" in result.stderr
