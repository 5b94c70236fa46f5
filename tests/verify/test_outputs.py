"""A verdict as text, JSON, JUnit XML and annotations of GitHub."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from recorder.drive.engine.plan import Finding, Found
from recorder.verify.data import as_json
from recorder.verify.judged import Judged, Place, Rule, Tier
from recorder.verify.judging import Run
from recorder.verify.junit import junit, times
from recorder.verify.verdict import Verdict, verdict_of
from recorder.verify.wording import for_github, summary, text
from tests.verify.desks import GWS, pair
from tests.verify.test_judging import at, event, gone

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "verify.schema.json").read_text())
DROP = event("record", change=gone("guid"))
OLD, NEW, BINDINGS = pair(lambda name, message: DROP(message) if name in ("chained 1", "chained 2") else message)
_, LOST, LOST_BINDINGS = pair(at("state", lambda _: []), 2)
LEFT = Finding(Found.LEFT_OUT, 9, 9, "triple 9 CompleteRecord", "no value for handle", 1.0)
ONE = verdict_of(OLD, [Run(NEW, [LEFT], BINDINGS)], GWS)
TWO = verdict_of(OLD, [Run(NEW, (), BINDINGS), Run(LOST, (), LOST_BINDINGS, has_stalled=True)], GWS)
ODD = Judged(Tier.WARNING, Rule.WORD, "A,b:c", "", "", "50%\nof \x00\x1b]", (Place(1, 0, "ack.body.x"),), "a", "b")


def test_the_text_names_each_finding_once() -> None:
    lines = [*text(ONE)]

    assert lines[0] == "error   triple 5 GetChainedRecord events[0].data.record.guid"
    assert lines[1].startswith("        field gone (ChainedRecord): had ")
    assert lines[2] == "        also in triple 8"
    assert lines[-1].startswith("info    values at ")
    assert sum("guid" in line for line in lines) == 1


def test_the_summary_counts() -> None:
    found = summary(Verdict((ODD,), (ODD, ODD), 3, has_stalled=True))

    assert found == "0 errors, 1 warning, 0 infos in 3 runs; 2 more that the baseline has too; stalled before the end"


def test_flaky_findings_are_called_so() -> None:
    assert "        also in triple 8; flaky: in 1 of 2 runs" in [*text(TWO)]


def test_the_summary_counts_what_is_flaky_and_no_information() -> None:
    broken, info = replace(ODD, of=1), replace(ODD, tier=Tier.INFO, of=3)

    assert summary(Verdict((replace(ODD, of=3), info), runs=3)) == "0 errors, 1 warning, 1 info in 3 runs, 1 flaky"
    assert summary(Verdict((broken,))) == "0 errors, 1 warning, 0 infos"


@pytest.mark.parametrize(("count", "places"), [(1, "1 place"), (2, "2 places")])
def test_values_that_changed_are_counted_in_good_english(count: int, places: str) -> None:
    value = replace(ODD, tier=Tier.INFO, rule=Rule.VALUE)

    assert [*text(Verdict((value,) * count))] == [f"info    values at {places} differ in each run; --json lists them"]


@pytest.mark.parametrize("verdict", [ONE, TWO, Verdict((ODD,), (ODD,))])
def test_the_json_fits_its_schema(verdict: Verdict) -> None:
    row = as_json(verdict, ["live.cassette"])

    jsonschema.validate(json.loads(json.dumps(row)), SCHEMA)
    assert sum(row["counts"].values()) == len(row["findings"]) == len(verdict.found)


def test_the_schema_knows_all_rules() -> None:
    assert SCHEMA["$defs"]["finding"]["properties"]["rule"]["enum"] == [rule.value for rule in Rule]


def test_each_triple_is_a_case_of_each_run() -> None:
    root = ET.fromstring(junit(TWO, OLD, "day.cassette"))

    first, second = root
    assert (first.get("name"), second.get("name")) == ("day.cassette, run 1", "day.cassette, run 2")
    assert len(first) == len(second) == len(OLD.triples) + 3
    failed = {case.get("name"): case.find("failure") for case in first}
    assert [(name, found.get("type")) for name, found in failed.items() if found is not None] == [
        ("triple 5 GetChainedRecord", "field gone"),
        ("triple 8 GetChainedRecord", "field gone"),
    ]
    assert (root.get("tests"), root.get("failures")) == (str(2 * len(first)), "2")


def test_each_case_and_suite_has_a_time_in_seconds() -> None:
    took = times(OLD, NEW)

    (suite,) = root = ET.fromstring(junit(ONE, OLD, "x", took=[took]))
    first = OLD.triples[0]
    ends = [link.event.t for link in NEW.triples[0].events]
    assert took.keys() == {one.n for one in OLD.triples}
    assert took[first.n] == pytest.approx((max(ends) - NEW.triples[0].request.t) / 1e9)
    assert [float(case.get("time", "nan")) for case in suite][:2] == [round(took[n], 3) for n in (1, 2)]
    assert (
        float(suite.get("time", "nan")) == float(root.get("time", "nan")) == pytest.approx(sum(took.values()), abs=1e-3)
    )


def test_a_triple_that_was_not_sent_took_no_time() -> None:
    cut = replace(NEW, triples=NEW.triples[:1])

    assert [*times(OLD, cut).values()][1:] == [0.0] * (len(OLD.triples) - 1)
    assert "NaN" not in junit(ONE, OLD, "x").casefold()


@pytest.mark.parametrize(("verdict", "run"), [(TWO, 1), (Verdict(), 1), (Verdict((ODD,)), 1)])
def test_the_run_to_look_at_is_the_first_one_with_the_weightiest_finding(verdict: Verdict, run: int) -> None:
    assert verdict.telling == run
    later = replace(ODD, tier=Tier.ERROR, places=(Place(2, 0, "ack"), Place(3, 0, "ack")), of=3)
    assert Verdict((later, ODD), runs=3).telling == 2


def test_what_was_left_out_is_skipped_and_warnings_fail_if_asked_for() -> None:
    (suite,) = ET.fromstring(junit(ONE, OLD, "x"))
    (odd,) = ET.fromstring(junit(Verdict((ODD,)), OLD, "x", Tier.WARNING))

    skipped = [case.get("name") for case in suite if case.find("skipped") is not None]
    assert (skipped, suite.get("skipped")) == (["triple 9 CompleteRecord"], "1")
    assert [case.get("name") for case in odd if case.find("failure") is not None] == ["other exchanges"]


def test_no_character_breaks_the_xml() -> None:
    broken = Judged(Tier.ERROR, Rule.GONE, "x", "", "", "\x00\ud800 ]]> <a> \ufffe", (Place(1, 0, ""),))

    assert "]]&gt; &lt;a&gt;" in junit(Verdict((broken,)), OLD, "\x01")
    assert ET.fromstring(junit(Verdict((broken,)), OLD, "\x01")) is not None


def test_an_annotation_is_one_line_with_escapes() -> None:
    (line,) = for_github(Verdict((ODD,)), "a:b.cassette")

    assert line == (
        "::warning file=a%3Ab.cassette,title=word changed%3A A%2Cb%3Ac ack.body.x::word changed: 50%25\\nof \\x00\\x1b]"
    )


def test_values_of_each_run_get_no_annotation() -> None:
    assert [line.partition(" ")[0] for line in for_github(ONE, "x")] == ["::error", "::notice"]
