"""What the benchmark of dialects says of the labs: how replays are judged, and that dialects by hand are right."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.labs import CASSETTES, LABS, Heard, Played, judge
from benchmarks.suggest import LEAST, Result, table
from recorder.dialect.definition import Dialect
from tests.lab.lab import available
from tests.lab.truth import calibration, counts, judged, read

REASON = available()


def data(name: str, reference: str) -> dict[str, Any]:
    return {"notificationType": name, "referenceId": reference}


def heard(*events: tuple[int | None, str, str]) -> list[Heard]:
    return [Heard(step, "/v2/me/outbound", data(name, reference)) for step, name, reference in events]


DUE = heard((0, "A", "r0"), (1, "B", "r1"), (None, "Pushed", ""))


@pytest.mark.parametrize(
    ("came", "verdict"),
    [
        (heard((0, "A", "r0"), (1, "B", "r1"), (0, "Pushed", "")), Played(0, 0, 0, 0)),
        (heard((1, "A", "r0"), (1, "B", "r1"), (1, "Pushed", "")), Played(0, 0, 0, 0)),
        (heard((0, "B", "r1"), (0, "A", "r0"), (0, "Pushed", "")), Played(1, 0, 0, 0)),
        (heard((0, "A", "r1"), (1, "B", "r1"), (0, "Pushed", "")), Played(0, 1, 0, 0)),
        (heard((0, "A", "r0"), (1, "B", "r1")), Played(0, 0, 1, 0)),
        (heard((0, "A", "r0"), (0, "A", "r0"), (1, "B", "r1"), (1, "Pushed", "")), Played(0, 0, 0, 1)),
    ],
    ids=["all", "late", "early", "another's id", "lost", "doubled"],
)
def test_a_client_is_judged_by_what_is_due_at_each_step(came: list[Heard], verdict: Played) -> None:
    assert judge(came, DUE, lambda found: found) == verdict
    assert verdict.clean == (verdict == Played(0, 0, 0, 0))


@pytest.mark.parametrize("name", LABS)
def test_a_dialect_by_hand_links_a_lab_as_its_server_has_it(name: str) -> None:
    cassette = CASSETTES / f"{name}.cassette"

    found = judged(cassette, Dialect.load(LABS[name].by_hand), read(cassette.with_suffix(".truth.json")))

    assert counts(found).share >= LEAST
    assert counts(found).wrong_from(0.9) == 0
    assert [rows for confidence, rows in calibration(found).items() if confidence >= 0.6 and rows[0] != rows[1]] == []


@pytest.mark.node
@pytest.mark.once
@pytest.mark.skipif(REASON is not None, reason=str(REASON))
@pytest.mark.parametrize("name", LABS)
def test_a_replay_of_a_lab_is_clean_for_clients_with_other_ids(name: str) -> None:
    played = LABS[name].replay(CASSETTES / f"{name}.cassette", LABS[name].by_hand, "instant")

    assert played.clean, played


def test_a_dialect_that_links_too_little_or_plays_wrong_ids_misses_its_target() -> None:
    cassette = CASSETTES / "gws.cassette"
    links = counts(judged(cassette, Dialect.load("gws-outbound"), read(cassette.with_suffix(".truth.json"))))
    none = counts(judged(cassette, Dialect.load("salesforce"), read(cassette.with_suffix(".truth.json"))))

    assert Result("gws", "x", links, Played(0, 0, 3, 0)).holds
    assert not Result("gws", "x", links, Played(0, 1, 0, 0)).holds
    assert not Result("gws", "x", links, note="the client did not end").holds
    assert not Result("gws", "x", none).holds
    assert "42 (100%)" in table([Result("gws", "x", links)])
