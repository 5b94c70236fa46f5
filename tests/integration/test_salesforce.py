"""What jsforce and aiosfstream-ng heard of an org comes again in a replay, to one client and to two at once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from recorder.dialect.definition import shipped
from recorder.library.recording import load_recording
from tests.lab.lab import Event
from tests.lab.processes import Server, recorder, until
from tests.lab.salesforce.lab import Library, Line, heard, play, play_together, serving_org

pytestmark = [pytest.mark.node, pytest.mark.once, pytest.mark.xdist_group("salesforce")]

CHANNELS = ["/data/AccountChangeEvent", "/data/ContactChangeEvent", "/topic/AccountUpdates", "/event/Order__e"]
_SOBJECTS = "/services/data/v60.0/sobjects"
COMPOSITE = {
    "compositeRequest": [
        {"method": "POST", "url": f"{_SOBJECTS}/Account", "referenceId": "a", "body": {"Name": "Composed"}},
        {"method": "POST", "url": f"{_SOBJECTS}/Contact", "referenceId": "b", "body": {"AccountId": "@{a.id}"}},
    ]
}
STEPS = [
    {"do": "create", "fields": {"Name": "Acme"}, "events": 2},
    {"do": "create", "fields": {"Name": "Partner", "Type": "Partner"}, "events": 3},
    {"do": "update", "record": 0, "fields": {"Phone": "555-0100"}, "events": 2},
    {"do": "read", "record": 0},
    {"do": "create", "object": "Order__e", "fields": {"Order_Number__c": "7"}, "events": 1},
    {"do": "composite", "body": COMPOSITE, "events": 3},
    {"do": "collection", "records": [{"Name": "One"}, {"Name": "Two"}], "events": 4},
    {"do": "delete", "record": 0, "events": 2},
]
SESSION = {"subscribe": CHANNELS, "steps": STEPS}
LIBRARIES: list[Library] = ["jsforce", "aiosfstream"]


@dataclass(frozen=True)
class Take:
    """A cassette, and what its clients printed while it was recorded."""

    cassette: Path
    lines: list[list[Line]]


def known(token: str, **script: Any) -> dict[str, Any]:
    """The script of a client that has a token and does not log in."""
    return {**script, "login": "none", "token": token}


def by_step(lines: Sequence[Line]) -> dict[int | None, list[str]]:
    steps = defaultdict(list)
    for line in lines:
        if line["kind"] == "event":
            steps[line["step"]].append(text(line["channel"], line["data"]))
    return {step: sorted(events) for step, events in steps.items()}


def text(channel: str, data: Any) -> str:
    return json.dumps([channel, data], sort_keys=True)


def unordered(events: Sequence[Event]) -> list[str]:
    return sorted(text(*event) for event in events)


def take(folder: Path, *parts: tuple[Library, dict[str, Any]]) -> Take:
    cassette = folder / "org.cassette"
    with (
        serving_org(folder / "truth.jsonl", timeout_ms=2000) as org,
        recorder("record", org.url, "-o", cassette, "--no-redaction") as proxy,
    ):
        lines = play_together([(library, proxy.url, {**script, "stay": True}) for library, script in parts])
    return Take(cassette, lines)


def standin(cassette: Path, rate: str) -> Any:
    return recorder("replay", cassette, "--dialect", "salesforce", "--rate", rate)


def assert_whole(server: Server) -> None:
    assert server.code == 0, server.stderr


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[Library, Take]:
    return {library: take(tmp_path_factory.mktemp(library), (library, SESSION)) for library in LIBRARIES}


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_recording_holds_every_event_once(library: Library, alone: dict[Library, Take]) -> None:
    recording = load_recording(alone[library].cassette, dialect=shipped("salesforce"))
    linked = [link.event for triple in recording.triples for link in triple.events]
    events = [*linked, *(found.event for found in recording.unsolicited)]

    assert unordered([(e.channel, e.data) for e in events]) == unordered(heard(alone[library].lines[0]))
    assert len(events) == 17


@pytest.mark.parametrize("rate", ["20", "instant"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_client_under_another_token_hears_all_it_heard(
    library: Library, rate: str, alone: dict[Library, Take]
) -> None:
    with standin(alone[library].cassette, rate) as server:
        lines = play(library, server.url, known("00Dother!token", **SESSION))

    assert by_step(lines) == by_step(alone[library].lines[0])
    assert_whole(server)


@pytest.mark.parametrize("recorded", LIBRARIES)
def test_a_client_of_the_other_library_hears_all(recorded: Library, alone: dict[Library, Take]) -> None:
    other: Library = "aiosfstream" if recorded == "jsforce" else "jsforce"
    with standin(alone[recorded].cassette, "20") as server:
        lines = play(other, server.url, known("00Dother!token", **SESSION))

    assert by_step(lines) == by_step(alone[recorded].lines[0])


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_login_leads_to_the_stand_in(library: Library, alone: dict[Library, Take]) -> None:
    with standin(alone[library].cassette, "instant") as server:
        lines = play(library, server.url, SESSION)

    assert lines[0]["instance"] == server.url
    assert by_step(lines) == by_step(alone[library].lines[0])
    assert_whole(server)


@pytest.mark.parametrize(("login", "think", "rate"), [("none", 0, "20"), ("oauth", 0, "instant"), ("oauth", 1.5, "20")])
@pytest.mark.parametrize("library", LIBRARIES)
def test_two_clients_at_once_hear_all_each(
    library: Library, login: str, think: float, rate: str, alone: dict[Library, Take]
) -> None:
    script = {**SESSION, "login": login, "think": think}
    with standin(alone[library].cassette, rate) as server:
        both = play_together([(library, server.url, {**script, "token": f"00Dother!{n}"}) for n in range(2)])

    assert [by_step(lines) for lines in both] == [by_step(alone[library].lines[0])] * 2
    assert_whole(server)


def test_two_logins_at_once_get_tokens_of_their_own(alone: dict[Library, Take]) -> None:
    with standin(alone["jsforce"].cassette, "20") as server:
        both = play_together([("jsforce", server.url, SESSION)] * 2)

    assert len({lines[0]["token"] for lines in [*both, *alone["jsforce"].lines]}) == 3


USERS: dict[str, Library] = {"ann": "jsforce", "bob": "aiosfstream"}
SHARED = {"/data/AccountChangeEvent": 1, "/topic/AccountUpdates": 1}
CHANGES = 3  # of each user


def colleague(user: str) -> dict[str, Any]:
    """A script whose client does not wait for the events of its steps: those of the other user come between."""
    steps = [{"do": "create", "fields": {"Name": f"{user} {n}"}} for n in range(CHANGES)]
    total = len(USERS) * CHANGES * len(SHARED)
    return {"user": f"{user}@example.com", "subscribe": list(SHARED), "steps": steps, "think": 0.3, "total": total}


def names(lines: Sequence[Line]) -> list[tuple[int, str]]:
    events = [line for line in lines if line["kind"] == "event"]
    return [(e["step"], (e["data"].get("payload") or e["data"]["sobject"])["Name"]) for e in events]


def assert_none_early(lines: Sequence[Line], user: str) -> None:
    """No change of the client's own came before it was asked for."""
    own = [(step, int(name.split()[1])) for step, name in names(lines) if name.startswith(user)]
    assert len(own) == CHANGES * len(SHARED)
    assert [pair for pair in own if pair[0] < pair[1]] == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Take:
    """Two users at once, who hear their own changes and each other's."""
    return take(tmp_path_factory.mktemp("shared"), *((USERS[user], colleague(user)) for user in USERS))


@pytest.mark.parametrize(
    ("login", "think", "rate"), [("none", 0.3, "20"), ("oauth", 0, "instant"), ("none", 1.5, "20")]
)
def test_each_of_two_users_hears_what_that_user_heard(login: str, think: float, rate: str, shared: Take) -> None:
    more = {"login": login, "think": think, "linger": 1}
    with standin(shared.cassette, rate) as server:
        parts = [
            (library, server.url, {**colleague(user), **more, "token": f"00Dother!{user}"})
            for user, library in USERS.items()
        ]
        both = play_together(parts)

    assert [unordered(heard(lines)) for lines in both] == [unordered(heard(lines)) for lines in shared.lines]
    assert_none_early(both[0], "ann")
    assert_none_early(both[1], "bob")
    assert_whole(server)


def test_one_user_alone_hears_what_that_user_heard(shared: Take) -> None:
    with standin(shared.cassette, "20") as server:
        lines = play("aiosfstream", server.url, known("00Dother!bob", **{**colleague("bob"), "linger": 1}))

    assert unordered(heard(lines)) == unordered(heard(shared.lines[1]))
    assert_none_early(lines, "bob")


# jsforce alone: aiosfstream-ng hears nothing any more after a reply that is not successful.
LOST = {
    "subscribe": CHANNELS[:1],
    "think": 2.5,
    "steps": [{"do": "create", "fields": {"Name": f"Account {n}"}, "events": 1} for n in range(2)],
}


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Take:
    """The server loses the session between two steps, and the client shakes hands again."""
    folder = tmp_path_factory.mktemp("lost")
    with (
        serving_org(folder / "truth.jsonl", timeout_ms=2000) as org,
        recorder("record", org.url, "-o", folder / "org.cassette", "--no-redaction") as proxy,
        ThreadPoolExecutor() as pool,
    ):
        playing = pool.submit(play, "jsforce", proxy.url, {**LOST, "stay": True})
        until(lambda: len(org.events()) == 2, "the first account is published")
        org.forget()
        return Take(folder / "org.cassette", [playing.result()])


def test_a_session_that_was_renewed_has_triples_over_two_client_ids(lost: Take) -> None:
    recording = load_recording(lost.cassette, dialect=shipped("salesforce"))

    assert len({link.event.client_id for triple in recording.triples for link in triple.events}) == 2
    assert {triple.session for triple in recording.triples} == {"s1"}


@pytest.mark.parametrize("rate", ["20", "instant"])
def test_a_client_that_does_not_lose_its_session_hears_all(rate: str, lost: Take) -> None:
    with standin(lost.cassette, rate) as server:
        lines = play("jsforce", server.url, known("00Dother!token", **{**LOST, "think": 0}))

    assert by_step(lines) == by_step(lost.lines[0])
    assert_whole(server)
