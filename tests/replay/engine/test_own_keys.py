"""Keys of single operations, and keys with several values, in a replay: matched by, bound, and rewritten."""

from __future__ import annotations

from typing import Any

import pytest

from recorder.dialect.definition import Dialect, parse
from tests.replay.stage import Stage
from tests.wire import Ask, Message, Wire

NOTES = """
name = "notes"
bayeux_prefix = "/api/v2/notifications"
session_cookies = []
open_for = 60.0
grace = 2.0

[request]
methods = ["POST"]
operation = ["body.do"]

[request.keys]

[ack]
status = []
success = []

[event.keys]
word = ["data.pairs.*.value"]
notification = ["data.name"]

[tuple]
same = ["word"]
enough = [["word"]]

[replay]
minted = ["word"]
per_operation = []

[operations.Attach]
events = ["Attached"]
terminal = ["Attached"]

[operations.Attach.keys]
word = ["body.pairs.*.value"]

[operations.Ask]
events = ["Answered"]
terminal = ["Answered"]
only = true
"""


def notes(*, own: bool = False) -> Dialect:
    """The dialect; with `own`, the words belong to one operation each, not to the session."""
    text = NOTES.replace("per_operation = []", 'per_operation = ["word"]') if own else NOTES
    return parse(text, path="notes.toml")


def ask(name: str, *words: str) -> Ask:
    return Ask("/do", {"do": name, "pairs": pairs(*words)})


def pairs(*words: str) -> list[dict[str, Any]]:
    return [{"key": f"k{number}", "value": word} for number, word in enumerate(words)]


def event(name: str, *words: str) -> Message:
    return {"channel": "/notes", "data": {"name": name, "pairs": pairs(*words)}}


def stage_of(dialect: Dialect, *spoken: tuple[Ask, Message]) -> Stage:
    wire = Wire()
    desk = wire.desk()
    for asked, answered in spoken:
        wire.respond(desk.post(asked), {"ok": True})
        desk.hears(answered)
    return Stage(wire.recording(dialect), dialect=dialect)


@pytest.mark.parametrize("own", [True, False])
def test_each_of_several_values_is_put_into_what_follows(own: bool) -> None:
    stage = stage_of(
        notes(own=own),
        (ask("Attach", "alpha-1", "beta-2"), event("Attached", "alpha-1", "beta-2")),
    )
    desk = stage.desk()
    desk.listens()

    desk.posts(ask("Attach", "live-one", "live-two"))

    assert stage.misses == []
    assert [one["data"]["pairs"] for one in desk.events] == [pairs("live-one", "live-two")]


def test_the_values_of_a_session_stay_the_same() -> None:
    stage = stage_of(
        notes(),
        (ask("Attach", "alpha-1", "beta-2"), event("Attached", "alpha-1", "beta-2")),
        (ask("Attach", "beta-2"), event("Attached", "beta-2")),
    )
    desk = stage.desk()
    desk.listens()
    desk.posts(ask("Attach", "live-one", "live-two"))

    desk.posts(ask("Attach", "another"))

    (miss,) = stage.standin.misses
    assert "body.pairs.*.value" in miss.summary


def test_an_own_key_does_not_hide_what_another_operation_asks_for() -> None:
    stage = stage_of(
        notes(),
        (ask("Ask", "weather"), event("Answered", "rain")),
        (ask("Ask", "time"), event("Answered", "noon")),
    )
    desk = stage.desk()
    desk.listens()

    desk.posts(ask("Ask", "time"))
    desk.posts(ask("Ask", "weather"))

    assert stage.misses == []
    assert [one["data"]["pairs"] for one in desk.events] == [pairs("noon"), pairs("rain")]


def test_a_request_of_another_operation_with_other_values_is_a_miss() -> None:
    stage = stage_of(notes(), (ask("Ask", "weather"), event("Answered", "rain")))
    desk = stage.desk()

    desk.posts(ask("Ask", "time"))

    assert len(stage.misses) == 1


def test_another_number_of_values_is_a_miss() -> None:
    stage = stage_of(notes(), (ask("Attach", "alpha-1", "beta-2"), event("Attached", "alpha-1")))
    desk = stage.desk()

    desk.posts(ask("Attach", "live-one"))
    desk.posts(ask("Attach", "live-one", "live-two", "live-three"))

    assert len(stage.misses) == 2
