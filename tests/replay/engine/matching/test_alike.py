"""Of the recorded requests that match, one whose pseudonyms have the shapes of the live values comes first."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import pytest

from recorder.correlate.engine import correlate
from recorder.dialect.definition import load as load_dialect
from recorder.model import Recording
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from recorder.replay.engine.matching.matcher import Matcher
from recorder.replay.engine.policy import Policy
from recorder.replay.engine.sessions.playhead import Playhead
from tests.replay.stage import Stage
from tests.wire import HEADER, Ask, Wire, operation

MAIL, NAME, OFFER, PHONE = "max@kunde.example.org", "Joerg Muessig", "Offer-2026-77", "+493514555012"
TARGET = "/api/v2/me/outbound-records/1001"


def updated(value: str) -> Ask:
    """A request in which a rule of the policy names the value."""
    return operation(TARGET, "UpdateRecord", userData={"a": value})


def noted(value: str) -> list[Ask]:
    """What a desktop does with a value: a rule names it first, then it stands elsewhere."""
    comment = operation(TARGET, "CompleteRecord", comment=value)
    return [updated(value), comment, Ask(f"/notes/{quote(value)}", {})]


def recorded(*sessions: Sequence[Ask]) -> Recording:
    """The redacted cassette of some desktops, one after the other."""
    wire = Wire()
    for number, asks in enumerate(sessions):
        desk = wire.desk(headers=(("Cookie", f"JSESSIONID=desk{number}"),))
        for ask in asks:
            wire.ack(desk.post(ask))
    redactor = Redactor(load(), b"k" * 32)
    return correlate(map(redactor.redact, wire.records), load_dialect(), HEADER)


def finds(recording: Recording, *asks: Ask, policy: Policy = Policy(), **own: str) -> list[int | None]:  # noqa: B008  # frozen
    """What is played to a client for each of some requests, one after the other."""
    matcher, playhead = Matcher(recording, load_dialect(), load()), Playhead("p1", "cookie1", **own)
    found: list[int | None] = []
    for ask in asks:
        live = matcher.call(ask.method, ask.target, ask.body)
        entry = playhead.find(live, matcher, policy)
        found.append(None if entry is None else entry.place)
        if entry is not None:
            playhead.played[entry.place] += 1
            matcher.bind(entry, live, playhead.bindings)
    return found


@pytest.mark.parametrize(
    ("first", "second"), [(MAIL, NAME), (NAME, MAIL), (PHONE, OFFER), (NAME, "Anna Bertha Long"), ("KD-1234", OFFER)]
)
def test_each_of_two_clients_plays_the_session_that_has_its_values(first: str, second: str) -> None:
    playing = Stage(recorded(noted(first), noted(second)), redaction=load())

    for value, login in ((second, "Basic MQ=="), (first, "Basic Mg==")):
        desk = playing.desk((("Authorization", login),), cookies=False)
        for ask in noted(value):
            desk.posts(ask)

    assert playing.misses == []


def test_a_client_that_changes_the_order_gets_its_own_answers() -> None:
    recording = recorded([updated(NAME), updated(OFFER), updated(MAIL)])

    assert finds(recording, updated(MAIL), updated(OFFER), updated(NAME)) == [2, 1, 0]


def test_values_of_other_shapes_are_played_in_the_recorded_order() -> None:
    recording = recorded([updated(NAME), updated(OFFER)])

    assert finds(recording, updated("7"), updated("x"), updated("y")) == [0, 1, None]


def test_a_value_that_is_bound_decides_whatever_its_shape() -> None:
    recording = recorded([updated(NAME), updated(OFFER), updated(NAME)])

    assert finds(recording, updated("Quote-1999-3x"), updated("Quote-1999-3x")) == [0, 2]


def test_all_values_of_a_request_count() -> None:
    def both(one: str, other: str) -> Ask:
        return operation(TARGET, "UpdateRecord", userData={"a": one, "b": other})

    recording = recorded([both(NAME, MAIL), both(MAIL, OFFER), both(NAME, OFFER)])

    assert finds(recording, both("Zoerg Buessig", "Offer-1999-31")) == [2]


def test_a_remembered_value_beside_a_ruled_one_counts_too() -> None:
    def told(value: str, ruled: str) -> Ask:
        return operation(TARGET, "UpdateRecord", comment=f"it is {value}", userData={"b": ruled})

    recording = recorded([updated(NAME), told(NAME, OFFER), told(NAME, PHONE)])

    assert finds(recording, updated(NAME), told(NAME, "+493514555999")) == [0, 2]


def test_the_session_that_is_followed_comes_before_shapes() -> None:
    assert finds(recorded([updated(NAME)], [updated(OFFER)]), updated(NAME), recorded="s2") == [1]


def test_order_comes_before_shapes_where_it_is_strict() -> None:
    recording = recorded([updated(NAME), updated(OFFER)])

    assert finds(recording, updated("Offer-1999-31"), updated("7"), policy=Policy(strict=True)) == [0, 1]
