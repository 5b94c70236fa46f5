"""What is no mistake in a dialect but seldom meant is told with its line, and the dialect is taken all the same."""

from __future__ import annotations

import pytest

from recorder.dialect.definition import names, source
from recorder.dialect.parsing import examined
from tests.answers import ANSWERS
from tests.dialect.mistakes.test_mistakes import with_mistake

GWS = source("gws-outbound").replace('name = "gws-outbound"', 'name = "mine"')
OPERATIONS = GWS[GWS.index("[operations.Start") :]
ENOUGH = '["campaign", "device"]]'


def doubts(text: str) -> list[str]:
    return [str(doubt) for doubt in examined(text, path="mine.toml")[1]]


@pytest.mark.parametrize(
    ("text", "old", "new", "told"),
    [
        (GWS, 'name = "mine"', 'name = "gws-outbound" # mine', "5: name: 'gws-outbound' is the name of a shipped"),
        (GWS, "open_for = 60.0", "open_for = 60000", "18: open_for: is more than an hour; if 60000 are milliseconds"),
        (GWS, 'terminal = ["PreviewRecord"]', "terminal = []\nonly = true", "109: operations.GetPreviewRecord.term"),
        (GWS, '"ChainedRecord", ', '"previewrecord", ', "112: operations.GetChainedRecord.events: 'previewrecord' is"),
        (GWS, ENOUGH, ENOUGH[:-1] + ", []]", "84: tuple.enough: has an empty group, which links no event"),
        (GWS, 'th = ["customer"]', 'th = ["customer", "handle"]', "77: twin.where_both: 'handle' is in"),
        (GWS, "routes = [\n", 'routes = [\n    "/api/other",\n', "25: request.routes: '/api/other' names no part"),
        (GWS, 'customer = ["data', 'colour = ["data.c"]\ncustomer = ["data', "67: event.keys.colour: links nothing"),
        (GWS, '"body.timestamp"', '"body.phoneNumber"', "95: replay.volatile: 'body.phoneNumber' leads to the key 'ph"),
        (GWS, 'per_operation = ["reference", ', "per_operation = [", "90: replay.minted: 'reference' names one op"),
        (GWS, OPERATIONS, "[operations]\n", "99: operations: names no operation"),
        (GWS, "path_keys =", 'channels = ["/a/{b}"]\npath_keys =', "50: event.channels: '/a/{b}' names no part that"),
        (ANSWERS, 'reference = ["data.requestId"]', 'answer = ["data.requestId"]', "no rule can link an event"),
    ],
)  # fmt: skip
def test_what_is_seldom_meant_is_told_and_taken(text: str, old: str, new: str, told: str) -> None:
    found = doubts(with_mistake(text, old, new))

    assert [one for one in found if told in one and "; " in one]


def test_a_key_of_acks_alone_is_not_made_up_by_the_client() -> None:
    text = GWS.replace("[ack.keys]\n", '[ack.keys]\norder = ["body.order"]\n').replace(
        "minted = [", 'minted = ["order", '
    )

    assert [one for one in doubts(text) if "replay.minted: 'order' is only in acks" in one]


@pytest.mark.parametrize("name", names())
def test_nothing_in_a_shipped_dialect_is_doubtful(name: str) -> None:
    assert doubts(source(name)) == []
