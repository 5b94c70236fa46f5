"""The rows of a page: the shape that is documented, and what is wrong with the items, as rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from recorder.cassette.reader import Cassette
from recorder.dialect.definition import load
from recorder.model import Note
from recorder.views.report import Part, comparison, document, part
from tests.views.late import late_session
from tests.wire import HEADER, Wire, chained, done, state_event

DOCS = Path(__file__).parents[3] / "docs" / "report.md"


def of(wire: Wire) -> Part:
    return part("a", Cassette(HEADER, tuple(wire.records)), load())


def rows(wire: Wire) -> dict[str, Any]:
    found: dict[str, Any] = document([of(wire)], "t").rows["recordings"][0]
    return found


def test_all_names_of_the_shape_are_documented() -> None:
    wire = late_session()
    wire.records.append(Note(len(wire.records), 60_000_000_000, "gap", "away"))
    found = rows(wire)

    text = DOCS.read_text("utf-8").partition("## The data")[2]
    names = {*found, *found["triples"], *found["events"], *found["unsolicited"], *found["polls"]}
    assert {name for name in names if not re.search(rf"[`\"]{name}[`\"]", text)} == set()


def test_problems_stand_with_the_place_of_their_item() -> None:
    found = rows(late_session())

    told = [(kind, place, code, severity) for kind, place, code, severity, *_ in found["problems"]]
    assert told == [
        ("triples", 3, "failed", "error"),
        ("triples", 4, "lost", "error"),
        ("polls", told[-1][1], "poll-lost", "warning"),
    ]
    assert found["polls"]["failure"][told[-1][1]] >= 0


def test_an_unsolicited_event_on_a_channel_of_operations_is_a_problem() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r1"), done(7, "r1"))
    desk.hears(done(9, "other") | {"channel": "/v2/me/outbound"})
    desk.hears(state_event())

    [(kind, place, code, *_)] = rows(wire)["problems"]

    assert (kind, place, code) == ("unsolicited", 0, "unasked")


def test_a_triple_that_differs_is_a_problem_on_its_side() -> None:
    old, new = (of(late_session()) for _ in range(2))
    changed = {"what": "field changed", "n": {"old": 2, "new": 2}, "where": "request.body.a", "old": 1, "new": 2}
    gone = {"what": "triple gone", "n": {"old": 6, "new": None}, "where": "", "old": "x"}

    first, second = comparison(old, new, "t", [changed, gone]).rows["recordings"]

    assert [place for _, place, code, *_ in first["problems"] if code == "differs"] == [1, 5]
    assert [place for _, place, code, *_ in second["problems"] if code == "differs"] == [1]


def test_what_is_usual_is_told_for_each_operation() -> None:
    assert [(name, one["count"]) for name, one in rows(late_session())["usual"]] == [
        ("CompleteRecord", 3),
        ("GetChainedRecord", 2),
        ("GetPreviewRecord", 1),
    ]
