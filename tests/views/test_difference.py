from __future__ import annotations

import json

import pytest

from recorder.dialect.definition import shipped
from recorder.diff.differences import Changed, Difference, Latency, What, differences
from recorder.library.latency import offset_ms
from recorder.requests.bindings import ABSENT
from recorder.views.difference import Tally, array, as_json, text
from tests.diff.edits import json_of, later, recording, without

GWS = shipped("gws-outbound")
OLD = recording()
(CHANGED,) = differences(OLD, recording(json_of(39, lambda body: body | {"callResult": "Busy", "state": 1})), GWS)
(MISSING,) = differences(OLD, recording(without(7, 8)), GWS)


def test_a_changed_triple_reads_like_a_unified_diff() -> None:
    assert list(text([CHANGED], "a.cassette", "b.cassette")) == [
        "--- a.cassette",
        "+++ b.cassette",
        "@@ triple 5 CompleteRecord handle 1001 campaign Campaign1 @@",
        '-   request.body.callResult: "Answer"',
        '+   request.body.callResult: "Busy"',
        "+   request.body.state: 1",
    ]


def test_what_two_lines_do_not_tell_is_said_before_them() -> None:
    before, after = OLD, recording(later(17, 500))
    (late,) = differences(before, after, GWS, latency=Latency(ms=100))
    old, new = (offset_ms(triple.events[1], triple) for triple in (before.triples[1], after.triples[1]))

    assert list(text([late], "a", "b"))[3:] == [
        "  latency changed:",
        f"-   events[1].offset_ms: {old} ms",
        f"+   events[1].offset_ms: {new} ms",
    ]


def test_an_exchange_that_is_no_operation_is_named_by_its_request() -> None:
    assert list(text([MISSING], "a", "b"))[2:] == ["@@ GET /api/v2/me @@", '-   triple: "GET /api/v2/me"']


def test_no_differences_are_no_lines() -> None:
    assert list(text([], "a", "b")) == []
    assert Tally().summary() == "no differences"


def test_the_summary_counts_by_sort() -> None:
    tally = Tally()
    for change in (CHANGED, MISSING):
        tally.note(change)

    assert tally.summary() == "1 field changed, 1 field added, 1 triple missing"
    assert (tally.total, tally.rows) == (3, [])


def test_a_page_gets_the_first_rows() -> None:
    tally = Tally(most=2)
    for change in (MISSING, CHANGED):
        tally.note(change)

    assert tally.rows == as_json([MISSING, CHANGED])[:2]
    assert tally.total == 3


@pytest.mark.parametrize("count", [0, 1, 2])
def test_an_array_is_written_row_by_row(count: int) -> None:
    rows = as_json([CHANGED, MISSING])[:count]

    assert "\n".join(array(rows)) == json.dumps(rows, indent=2, ensure_ascii=False)


def test_json_has_an_object_for_each_difference() -> None:
    assert as_json([CHANGED]) == [
        {
            "what": "field changed",
            "operation": "CompleteRecord",
            "n": {"old": 5, "new": 5},
            "where": "request.body.callResult",
            "old": "Answer",
            "new": "Busy",
        },
        {
            "what": "field added",
            "operation": "CompleteRecord",
            "n": {"old": 5, "new": 5},
            "where": "request.body.state",
            "new": 1,
        },
    ]


def test_what_would_steer_a_terminal_is_escaped_and_long_values_are_cut() -> None:
    hostile = Difference(What.FIELD_CHANGED, "request.body.\x1b[2J", "\x1b[31m\n\u202e", "x" * 1000)

    lines = list(text([Changed(None, None, (hostile,))], "\x1b", "b"))

    assert "".join(lines).isprintable()
    assert max(map(len, lines)) < 260


def test_json_that_others_cannot_read_is_made_readable() -> None:
    (row,) = as_json([Changed(None, None, (Difference(What.FIELD_ADDED, "x", new=float("nan")),))])

    assert json.loads(json.dumps(row, allow_nan=False))["new"] == "NaN"
    assert "old" not in row
    assert ABSENT not in row.values()
