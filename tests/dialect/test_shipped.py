"""The shipped dialects, held against the truth of the labs, and their replays to clients with other ids."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from recorder.api.cassette import Cassette
from recorder.correlate.engine import correlate
from recorder.dialect.definition import DEFAULT, names, shipped
from recorder.model import Header, Record, Recording
from recorder.redaction.again import Again
from recorder.redaction.joins import fitted
from recorder.redaction.policy import shipped as shipped_policy
from tests.lab.truth import counts, outcomes, read
from tests.replay.clients import play

LABS = Path(__file__).parents[1] / "cassettes" / "labs"
PAGES = Path(__file__).parents[2] / "docs" / "dialects"
OLDER = {"salesforce-changes": "salesforce"}  # dialect → the one on whose page it is, because that does more


class Lab(NamedTuple):
    """A recording of a lab, and how many of its events have a cause that the API lets nobody know."""

    cassette: str
    dialect: str
    unknown: int = 0


# the first state of each agent is like those that are asked for
LINKED = [
    Lab("gws", "gws-outbound"),
    Lab("workspace", "genesys-workspace", unknown=2),
    Lab("salesforce", "salesforce"),
    Lab("service", "cometd-service"),
]
each_lab = pytest.mark.parametrize("lab", LINKED, ids=lambda lab: lab.dialect)


@cache
def records_of(cassette: str) -> tuple[Header, tuple[Record, ...]]:
    with Cassette(LABS / f"{cassette}.cassette") as opened:
        return opened.header, tuple(opened.records())


@cache
def recording_of(lab: Lab) -> Recording:
    header, records = records_of(lab.cassette)
    return correlate(records, shipped(lab.dialect), header)


def links_of(recording: Recording) -> list[tuple[int, int, int, str, float]]:
    return [
        (link.event.seq, link.event.index, link.request, link.rule, link.confidence)
        for triple in recording.triples
        for link in triple.events
    ]


@each_lab
def test_links_are_those_of_the_servers_log(lab: Lab) -> None:
    found = counts(outcomes(recording_of(lab), read(LABS / f"{lab.cassette}.truth.json")))

    assert (found.wrong, found.unsolicited_wrong) == ({}, {})
    assert found.caused - found.right == lab.unknown


@each_lab
@pytest.mark.parametrize("policy", ["gws", "salesforce"])
@pytest.mark.parametrize("is_fitted", [True, False], ids=["for the dialect", "for the default"])
def test_a_redacted_recording_has_the_same_links(lab: Lab, policy: str, is_fitted: bool) -> None:
    header, records = records_of(lab.cassette)
    dialect = shipped(lab.dialect)
    again = Again(fitted(shipped_policy(policy), dialect if is_fitted else shipped(DEFAULT)), b"a public key")
    for record in records:
        again.learn(record)
    redacted = [again.redact(record) for record in records]

    assert redacted != [*records]
    assert links_of(correlate(redacted, dialect, header)) == links_of(recording_of(lab))


@each_lab
@pytest.mark.parametrize("again", [1, 2])
def test_a_replay_is_clean_for_clients_with_other_ids(lab: Lab, again: int) -> None:
    recording, dialect = recording_of(lab), shipped(lab.dialect)

    heard = play(recording, dialect, [*recording.session_starts] * again)

    assert [(one.early, one.lost, one.strange) for one in heard] == [([], [], [])] * len(heard)
    assert sum(one.count for one in heard) == again * len(read(LABS / f"{lab.cassette}.truth.json"))


def test_each_dialect_has_a_page_that_names_its_operations() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} - {"mistakes"} == set(names()) - OLDER.keys()
    for name in names():
        page = (PAGES / f"{OLDER.get(name, name)}.md").read_text()
        lacking = [one for one in shipped(name).operations if one.removesuffix("Versioned") not in page]
        assert (name, lacking) == (name, [])
        assert "## Never seen live" in page


def test_a_name_that_was_shipped_can_be_loaded() -> None:
    assert {"gws-outbound", "salesforce-changes"} <= set(names())
