"""A client makes the ids of a list, and uses them again in requests to come: each has its own place in the replay."""

from __future__ import annotations

from typing import Any

from recorder.correlate.engine import correlate
from recorder.dialect.definition import parse, source
from tests.replay.stage import Desk, Stage
from tests.wire import HEADER, Ask, Wire, complete, record_event

MINE = parse(
    source("gws-outbound")
    .replace('name = "gws-outbound"', 'name = "mine"')
    .replace("[request.keys]", '[request.keys]\nitem = ["body.items.*.id"]')
    .replace("[event.keys]", '[event.keys]\nitem = ["data.record.items.*.id"]')
    .replace('"device"]\n# The keys in', '"device", "item"]\n# The keys in'),
    path="mine.toml",
)
RECORDED, LIVE = ("item-0001", "item-0002", "item-0003"), ("own-aaaa1", "own-bbbb2", "own-cccc3")


def ask(reference: str, ids: tuple[str, ...], handle: int = 7) -> Ask:
    return complete(handle, reference, items=[{"id": one, "sku": f"s{n}"} for n, one in enumerate(ids)])


def scene(*lists: tuple[str, ...]) -> Stage:
    """Requests with items, and an event for each that names them the other way round."""
    wire = Wire()
    desk = wire.desk()
    for n, ids in enumerate(lists):
        items = [{"id": one} for one in reversed(ids)]
        desk.asks(ask(f"r{n}", ids, 7 + n), record_event("RecordProcessedAcknowledge", 7 + n, f"r{n}", items=items))
        wire.wait(1)
    return Stage(correlate(wire.records, MINE, HEADER), dialect=MINE)


def items(desk: Desk) -> list[list[Any]]:
    return [[item["id"] for item in event["data"]["record"]["items"]] for event in desk.events]


def test_each_id_of_a_list_is_the_client_s_own_in_events() -> None:
    stage = scene(RECORDED)
    desk = stage.desk()
    desk.listens()

    desk.posts(ask("live", LIVE))

    assert (items(desk), stage.misses) == ([list(reversed(LIVE))], [])


def test_an_id_of_a_list_stands_for_the_same_one_in_another_list() -> None:
    stage = scene(RECORDED, RECORDED[1:])
    desk = stage.desk()
    desk.listens()

    desk.posts(ask("live", LIVE))
    desk.posts(ask("again", LIVE[1:], 8))

    assert (items(desk), stage.misses) == ([list(reversed(LIVE)), list(reversed(LIVE[1:]))], [])


def test_an_id_of_a_list_that_stands_for_another_is_a_miss_that_names_it() -> None:
    stage = scene(RECORDED, RECORDED[1:])
    desk = stage.desk()
    desk.listens()

    desk.posts(ask("live", LIVE))
    desk.posts(ask("again", (LIVE[2], LIVE[1]), 8))

    assert "body.items.*.id" in stage.misses[0]
    assert "own-cccc3" in stage.misses[0]


def test_a_list_without_ids_is_one_that_was_recorded_without_them() -> None:
    stage = scene(())
    desk = stage.desk()
    desk.listens()

    desk.posts(ask("live", ()))

    assert (items(desk), stage.misses) == ([[]], [])
