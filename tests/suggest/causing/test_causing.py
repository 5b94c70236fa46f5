"""Tell ids from constants and coincidences, by made-up APIs with one trait each."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from recorder.correlate.engine import correlate
from recorder.suggest import suggest
from recorder.suggest.causing.causes import Causes
from recorder.suggest.derive import links
from recorder.suggest.draft import Draft, draft
from tests.suggest.apis import Api, Server, api, recorded
from tests.suggest.styles import machines

PLAIN = replace(
    api(1),
    ids="uuid",
    reference="",
    by_command=False,
    jobs=False,
    pauses=False,
    sessions=1,
    overlap=0.0,
    unasked=0.0,
    refused=0.0,
    echo=False,
    wrap="",
    id_field="nounId",
    split_name=False,
)


def _drafted(made_up: Api, count: int = 50) -> Draft:
    return draft([Server(made_up, count).run()[0]])


def _shares(causes: Causes) -> set[tuple[str, str]]:
    return {(pair.source.path, pair.event) for pair in causes.joins.found}


@pytest.mark.parametrize("ids", ["uuid", "number", "prefix", "hex"])
def test_ids_are_joined_and_constants_are_not(ids: str) -> None:
    found = _drafted(replace(PLAIN, ids=ids))
    places = {place for key in found.keys for place in key.events}
    assert places
    assert not places & {"data.tenant", "data.region", "data.at", "data.serial"}


def test_equal_numbers_of_two_kinds_are_not_joined() -> None:
    found = _drafted(replace(PLAIN, ids="number", nouns=["order", "customer"], seed=3), 120)
    for key in found.keys:
        nouns = {noun for noun in ("order", "customer") for path in key.events if noun in path.lower()}
        assert len(nouns) == 1
        assert all(
            nouns.copy().pop() in source.operation for source in key.sources if not source.path.startswith("body.")
        )


def test_an_id_of_a_request_is_exact() -> None:
    found = _drafted(replace(PLAIN, reference="requestId", is_attribute=False, in_header=False))
    exact = [key for key in found.keys if key.is_exact]
    assert [list(key.events) for key in exact] == [["data.requestId"]]


def test_an_id_that_stays_with_a_thing_is_not_exact() -> None:
    found = _drafted(replace(PLAIN, reference="requestId", is_attribute=True, in_header=False), 80)
    assert not [key for key in found.keys if key.is_exact]
    assert any(key.is_attribute and "data.requestId" in key.events for key in found.keys)


def test_an_id_in_the_ack_alone_is_exact() -> None:
    found = _drafted(replace(PLAIN, jobs=True, channels=False, progress=1))
    exact = [key for key in found.keys if key.is_exact]
    assert [list(key.events) for key in exact] == [["data.job"]]
    assert all(source.is_answer for source in exact[0].sources)


def test_an_id_in_the_channel_is_found() -> None:
    found = _drafted(replace(PLAIN, jobs=True, channels=True, progress=1))
    assert any("channel:/jobs/{}.2" in key.events for key in found.keys)


def test_the_last_event_ends_an_operation() -> None:
    found = _drafted(replace(PLAIN, jobs=True, channels=False, progress=2, type_field="type"))
    jobs = next(one for one in found.operations if "JobProgress" in one.events)
    assert jobs.terminal == ["JobFinished"]


def test_events_without_a_common_value_follow_one_operation() -> None:
    found = _drafted(replace(PLAIN, pauses=True, type_field="type"))
    assert {kind for one in found.operations for kind in one.only} == {"DeskPaused", "DeskResumed"}


def test_an_event_follows_the_nearer_of_two_requests_that_always_come_together() -> None:
    found = _drafted(replace(PLAIN, pauses=True, prelude=True, type_field="type"))
    after = {kind: one.templates.most_common(1)[0][0] for one in found.operations for kind in one.only}
    assert after == {"DeskPaused": f"POST {PLAIN.base}/desk/pause"}


def test_codes_are_made_up_though_some_have_no_digit() -> None:
    server = Server(replace(PLAIN, reference="ref", in_header=False, is_attribute=True, codes=True), 50)
    found = draft([server.run()[0]])
    assert [one.values for one in found.minted] == [len({thing.reference for thing in server.things})]


@pytest.mark.parametrize("is_exact", [True, False])
def test_channels_that_differ_by_ids_leave_the_other_events_their_names(*, is_exact: bool) -> None:
    made_up = replace(api(5033), prelude=True)  # its events have more types than a field that names them
    cassette, truth = Server(made_up, 50).run()
    if not is_exact:  # orders on channels of their own, so that no exact id tells the cause
        records = [replace(one, body=_on_own_channels(one.body)) for one in cassette.records]
        cassette = replace(cassette, records=tuple(records))
    dialect = suggest([cassette]).dialect
    found = links(correlate(cassette.records, dialect, cassette.header))

    right = sum(link.request == truth[link.event.seq, link.event.index] for link in found)
    assert right >= 0.9 * sum(cause is not None for cause in truth.values())


def _on_own_channels(body: bytes) -> bytes:
    """An answer to a poll whose events come on channels with their ids."""
    try:
        messages = json.loads(body)
    except ValueError:
        return body
    for one in messages if isinstance(messages, list) else ():
        payload = one.get("data", {}).get("payload", {})
        if "id" in payload:
            one["channel"] = f"/things/{payload.pop('id')}"
    return json.dumps(messages).encode()


def test_a_field_of_the_body_names_operations() -> None:
    found = _drafted(replace(PLAIN, by_command=True, command_field="command"))
    assert found.command == "body.command"


def test_the_kind_is_named_by_two_fields_where_one_is_not_enough() -> None:
    found = _drafted(replace(PLAIN, split_name=True, type_field="type", one_channel=True), 100)
    assert (
        "{data.entity}.{data.type}" in found.naming.templates()
        or "{data.type}.{data.entity}" in found.naming.templates()
    )


def test_an_id_is_not_exact_that_keeps_events_from_later_requests() -> None:
    """These share nothing with their events that is sure, as each came once or twice."""
    found = draft([recorded(5049, 25)[0]])
    assert not [key for key in found.keys if key.is_exact]


def test_an_event_is_compared_with_the_latest_requests_of_a_value_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = max(map(len, draft([machines(1)[0]]).causes.shares.values()))
    monkeypatch.setattr("recorder.suggest.causing.causes._RECENT", 2)
    assert max(map(len, draft([machines(1)[0]]).causes.shares.values())) < whole / 2
