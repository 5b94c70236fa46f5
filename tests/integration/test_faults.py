"""Faults as real clients meet them: what is on the wire, and that the clients do what Bayeux asks of them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from aiocometd_noloop import Client as AioClient
from aiocometd_noloop import ConnectionType as AioTransport
from aiocometd_noloop.exceptions import ServerError

from recorder.bayeux.messages import parse
from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import read
from recorder.cli.desktop import Agent, agent
from recorder.library.recording import load_recording
from recorder.model import Response
from tests.lab.byhand import Desk
from tests.lab.lab import LabError, run_client, run_js_client
from tests.lab.processes import RECORDER, recorder
from tests.lab.sessions import CHANNELS, preview_session
from tests.wire import HEADER, Wire

pytestmark = pytest.mark.once

LAB = Path(__file__).parents[1] / "lab"
CASSETTE = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
RECORDED = [(link.name, link.event.channel) for triple in load_recording(CASSETTE).triples for link in triple.events]
PREVIEW, TWIN = ("PreviewRecord", "/v2/me/outbound"), ("PreviewRecord", "/me/internal")

Line: TypeAlias = dict[str, Any]
Script: TypeAlias = dict[str, Any]


# The clients


def cometd(url: str, script: Script) -> list[Line]:
    return run_js_client(url, script)


def aiocometd(url: str, script: Script) -> list[Line]:
    """The lines that tests/lab/client.js prints, from another client."""

    async def run() -> list[Line]:
        async with agent(url) as desktop:
            statuses = []
            for step in script["steps"]:
                status, _ = await desktop.post(step["path"], step["body"])
                statuses.append(status)
                await desktop.events(partial(enough, step), limit=20)
            return [line(happened, statuses) for happened in desktop.log]

    def enough(step: Line, found: list[Line]) -> bool:
        last = step.get("until", {}).get("notificationType")
        names = [notification(event["data"]) for event in found]
        return len(found) >= step["events"] and (last is None or last in names)

    def line(happened: Any, statuses: list[int]) -> Line:
        about = {"kind": happened.what, "step": happened.step}
        if happened.what == "ack":
            return about | {"status": statuses[happened.step], "body": happened.content}
        return about | (happened.content if happened.what == "event" else {})

    return asyncio.run(run())


Client: TypeAlias = Callable[[str, Script], list[Line]]


@pytest.fixture(params=[pytest.param(cometd, marks=pytest.mark.node), aiocometd], ids=["cometd", "aiocometd"])
def client(request: pytest.FixtureRequest) -> Client:
    found: Client = request.param
    return found


# What they do and what they saw


def script(**events: int) -> Script:
    """The operations of the cassette; of those that are named, a client waits for so many events and not for all."""
    whole = preview_session("live-", 0.0)
    operations = [step for step in whole["steps"] if "body" in step]
    return whole | {"steps": [step | {"events": events.get(named(step), step["events"])} for step in operations]}


def named(step: Line) -> str:
    name: str = step["body"]["operationName"]
    return name


def step_of(name: str) -> Line:
    return next(step for step in script()["steps"] if named(step) == name)


def performed(client: Client, do: Script, *faults: str, seed: int = 0) -> list[Line]:
    """What a client saw of a stand-in with these faults."""
    with recorder("replay", CASSETTE, *options(*faults), "--seed", str(seed)) as standin:
        lines = client(standin.url, do)
    assert standin.code == 0, standin.stderr
    return lines


def options(*faults: str) -> list[str]:
    return ["--rate", "instant", *(part for fault in faults for part in ("--fault", fault))]


def heard(lines: list[Line]) -> list[tuple[str, str]]:
    """The events by name and channel."""
    return [(notification(line["data"]), line["channel"]) for line in lines if line["kind"] == "event"]


def notification(data: Any) -> str:
    return str(data["userData"]["GSW_USER_EVENT"] if "userData" in data else data["notificationType"])


def statuses(lines: list[Line]) -> list[int]:
    return [line["status"] for line in lines if line["kind"] == "ack"]


def instead(*events: tuple[str, str]) -> list[tuple[str, str]]:
    """What was recorded, with other events in the place of the two PreviewRecords."""
    place = RECORDED.index(PREVIEW)
    assert RECORDED[place : place + 2] == [PREVIEW, TWIN]
    return [*RECORDED[:place], *events, *RECORDED[place + 2 :]]


# Events


def test_without_a_fault_all_is_as_recorded(client: Client) -> None:
    assert heard(performed(client, script())) == RECORDED


def test_a_dropped_event_is_missing(client: Client) -> None:
    lines = performed(client, script(GetPreviewRecord=1), "drop event PreviewRecord#1")

    assert heard(lines) == instead(TWIN)


def test_a_duplicated_event_is_seen_twice(client: Client) -> None:
    lines = performed(client, script(GetPreviewRecord=3), "duplicate event PreviewRecord#1")

    copies = [line["data"] for line in lines if line["kind"] == "event" and line["step"] == 1][:2]
    assert heard(lines) == instead(PREVIEW, PREVIEW, TWIN)
    assert copies[0] == copies[1]


def test_a_reordered_event_comes_after_the_next_one(client: Client) -> None:
    lines = performed(client, script(), "reorder event PreviewRecord#1")

    assert heard(lines) == instead(TWIN, PREVIEW)


def test_a_delayed_event_comes_after_those_of_the_next_operation(client: Client) -> None:
    lines = performed(client, script(GetPreviewRecord=1, GetChainedRecord=7), "delay event PreviewRecord#2 2s")

    expected = instead(PREVIEW)
    place = expected.index(("UpdateCallCompletionStatsAcknowledge", "/v2/me/outbound"))
    assert heard(lines) == [*expected[:place], TWIN, *expected[place:]]


def test_faults_can_be_combined(client: Client) -> None:
    faults = ["duplicate event /me/internal#1", "drop event PreviewSessionStarted", "drop event /v2/me/outbound#2"]
    lines = performed(client, script(StartPreviewSession=0), *faults)

    assert heard(lines) == instead(TWIN, TWIN)[1:]


# Requests


def test_an_ack_can_come_after_what_happened_much_later(client: Client) -> None:
    faults = ["delay event PreviewRecord#2 1s", "delay ack GetChainedRecord 3s"]
    lines = performed(client, script(GetPreviewRecord=1, GetChainedRecord=7), *faults)

    course = [heard([line])[0] if line["kind"] == "event" else line["kind"] for line in lines if line.get("step") == 2]
    assert course.index(TWIN) < course.index("ack") < course.index(("ChainedRecordsDataEnd", "/v2/me/outbound"))


def test_a_failed_request_is_seen_and_may_be_made_again(client: Client) -> None:
    do = script()
    do["steps"].insert(1, do["steps"][1] | {"events": 0})
    lines = performed(client, do, "http 503 GetPreviewRecord")

    assert statuses(lines) == [200, 503, *[200] * 5]
    assert [line["body"]["fault"] for line in lines if line.get("status") == 503] == ["http 503 GetPreviewRecord"]
    assert heard(lines) == RECORDED


@pytest.mark.node
def test_a_request_that_gets_no_answer_times_out_at_the_cometd_client() -> None:
    do = script()
    do["steps"][1]["timeout"] = 2

    with pytest.raises(LabError, match=r"step 1 .* timed out with 2 events"):
        performed(cometd, do, "no answer GetPreviewRecord")


def test_a_client_that_gives_a_request_without_an_answer_up_goes_on() -> None:
    async def run(url: str) -> tuple[bool, list[int]]:
        async with agent(url) as desktop:
            asked = asyncio.create_task(post(desktop, "GetPreviewRecord"))
            await desktop.events(lambda found: len(found) >= 2, limit=20)
            answered = asked.done()
            asked.cancel()
            return answered, [await post(desktop, "GetChainedRecord"), await post(desktop, "UpdateRecord")]

    with recorder("replay", CASSETTE, *options("no answer GetPreviewRecord")) as standin:
        answered, later = asyncio.run(run(standin.url))

    assert (answered, later) == (False, [200, 200])


async def post(desktop: Agent, name: str) -> int:
    step = step_of(name)
    status, _ = await desktop.post(step["path"], step["body"])
    return status


# Sessions


def test_a_forgotten_client_is_told_to_shake_hands_and_gets_what_is_its_own() -> None:
    with recorder("replay", CASSETTE, *options("unknown-client after GetPreviewRecord")) as standin:
        desk = Desk(standin.url).connected()
        asked = step_of("GetPreviewRecord")
        ack = desk.asks(asked["path"], asked["body"])
        (refusal,) = desk.fetches().messages
        desk.shakes_hands()
        events = desk.fetches().events

    assert ack.status == 200
    assert (refusal["channel"], refusal["successful"]) == ("/meta/connect", False)
    assert refusal["error"].startswith("402:")
    assert refusal["advice"]["reconnect"] == "handshake"
    assert [(notification(data), channel) for channel, data in events] == [PREVIEW, TWIN]


def test_a_client_shakes_hands_again_subscribes_and_goes_on(client: Client, tmp_path: Path) -> None:
    wire = tmp_path / "wire.cassette"
    with (
        recorder("replay", CASSETTE, *options("unknown-client after GetPreviewRecord")) as standin,
        recorder("record", standin.url, "-o", wire) as proxy,
    ):
        lines = client(proxy.url, script())

    replies = answers(wire)
    lost = next(place for place, reply in enumerate(replies) if reply.get("error", "").startswith("402:"))
    again = [(reply["channel"], reply.get("subscription")) for reply in replies[lost:] if reply["successful"]]
    assert replies[lost]["advice"]["reconnect"] == "handshake"
    assert again[0] == ("/meta/handshake", None)
    assert {channel for where, channel in again if where == "/meta/subscribe"} == set(CHANNELS)
    assert again.count(("/meta/connect", None)) > 1
    assert heard(lines) == RECORDED
    assert statuses(lines) == [200] * 6


def answers(wire: Path) -> list[Line]:
    """The replies to Bayeux messages that a recorder saw, without events."""
    responses = (record for record in read(wire).records if isinstance(record, Response))
    return [message for response in responses for message in parse(response.body) or [] if "successful" in message]


def test_each_session_has_faults_of_its_own() -> None:
    async def three(url: str) -> list[list[Line]]:
        return await asyncio.gather(*(preview(url) for _ in range(3)))

    async def preview(url: str) -> list[Line]:
        async with agent(url) as desktop:
            await post(desktop, "GetPreviewRecord")
            return await desktop.events(lambda found: len(found) >= 3, limit=20)

    with recorder("replay", CASSETTE, *options("duplicate event PreviewRecord#2")) as standin:
        seen = asyncio.run(three(standin.url))

    assert [heard([event | {"kind": "event"} for event in events]) for events in seen] == [[PREVIEW, TWIN, TWIN]] * 3


def test_what_ends_a_websocket_does_nothing_to_a_long_poll(client: Client) -> None:
    assert heard(performed(client, script(), "cut websocket after GetPreviewRecord")) == RECORDED


# What clients do about refusals


class Meta:
    """What a client was told by the replies of a stand-in, as a list of channel, subscription and outcome."""

    def __init__(self, *faults: str, cassette: Path = CASSETTE, **script: Any) -> None:
        with recorder("replay", cassette, *options(*faults)) as standin:
            self.lines = run_client(("node", str(LAB / "meta.js")), standin.url, {"wait": 600} | script)
        self.stderr = standin.stderr

    @property
    def state(self) -> str:
        return str(self.lines[-1]["state"])

    def told(self, channel: str) -> list[str | None]:
        """The errors of the replies on a channel, None for a success."""
        return [line.get("error") for line in self.lines if line.get("channel") == channel]


@pytest.mark.node
def test_cometd_shakes_hands_until_it_is_let_in() -> None:
    meta = Meta("refuse handshake 2 times with '403::not yet'")

    assert meta.told("/meta/handshake") == ["403::not yet", "403::not yet", None]
    assert meta.state == "connected"
    assert "fault 'refuse handshake 2 times with '403::not yet'' hit 2 times" in meta.stderr


@pytest.mark.node
def test_cometd_hears_that_a_subscription_is_refused_and_goes_on() -> None:
    outbound, internal = CHANNELS
    meta = Meta(f"refuse subscribe {outbound}", subscribe=[outbound, internal, outbound])

    denied = "403:denied_by_security_policy:subscribe_denied"
    assert meta.told("/meta/subscribe") == [denied, None, None]
    assert meta.state == "connected"


@pytest.mark.node
def test_cometd_gives_up_when_the_server_ends_its_session() -> None:
    meta = Meta("end session after GetPreviewRecord", subscribe=list(CHANNELS), post=step_of("GetPreviewRecord"))

    ended = [line for line in meta.lines if line.get("reconnect") == "none"]
    assert [line["channel"] for line in ended] == ["/meta/connect"]
    assert meta.state == "disconnected"
    assert meta.told("/meta/handshake") == [None]


@pytest.mark.node
def test_cometd_that_was_busy_for_too_long_shakes_hands_again() -> None:
    preview = step_of("GetPreviewRecord")
    meta = Meta("expire session after 500ms idle", subscribe=list(CHANNELS), post=preview, busy=1500)

    assert meta.told("/meta/handshake") == [None, None]
    assert "402::session_unknown" in meta.told("/meta/connect")
    assert meta.state == "connected"
    assert "fault 'expire session after 500ms idle' hit 1 time" in meta.stderr


@pytest.mark.node
def test_cometd_hears_that_a_publish_is_refused(tmp_path: Path) -> None:
    wire = Wire()
    desk = wire.desk()
    publish = {"channel": "/service/x", "clientId": desk.client_id, "data": {}}
    wire.respond(desk.bayeux(publish), [{"channel": "/service/x", "successful": True}])
    cassette = tmp_path / "publish.cassette"
    cassette.write_bytes(encode_header(HEADER) + b"".join(map(encode, wire.records)))

    meta = Meta("refuse publish /service/x with '403::no'", cassette=cassette, publish=["/service/x", "/service/x"])

    assert meta.told("/service/x") == ["403::no", None]


def aiocometd_meets(*faults: str, then: Callable[[AioClient, str], Any]) -> Any:
    async def run(url: str) -> Any:
        async with AioClient(f"{url}/api/v2/notifications", AioTransport.LONG_POLLING) as client:
            return await then(client, url)

    with recorder("replay", CASSETTE, *options(*faults)) as standin:
        return asyncio.run(run(standin.url))


def test_aiocometd_tells_its_caller_that_a_handshake_is_refused() -> None:
    async def nothing(client: AioClient, url: str) -> None:
        raise AssertionError(client, url)

    with pytest.raises(ServerError, match="Handshake"):
        aiocometd_meets("refuse handshake with '403::no'", then=nothing)


def test_aiocometd_tells_its_caller_that_a_subscription_is_refused() -> None:
    outbound, _ = CHANNELS

    async def subscribes(client: AioClient, url: str) -> frozenset[str]:
        with pytest.raises(ServerError, match="Subscribe"):
            await client.subscribe(outbound)
        await client.subscribe(outbound)
        return frozenset(client.subscriptions)

    assert aiocometd_meets(f"refuse subscribe {outbound} with '403::no'", then=subscribes) == {outbound}


def test_aiocometd_shakes_hands_again_after_its_session_was_ended() -> None:
    """It follows the advice `none` of a refusal only; its next poll is told to shake hands, as a Java server does."""
    steps = [step_of(name) for name in ("GetPreviewRecord", "GetChainedRecord")]

    async def goes_on(client: AioClient, url: str) -> list[str]:
        for channel in CHANNELS:
            await client.subscribe(channel)
        http = await client._get_http_session()  # aiocometd has no public access to the session
        names: list[str] = []
        async with asyncio.timeout(20):
            for step in steps:
                async with http.post(url + step["path"], json=step["body"]):
                    names += [notification((await client.receive())["data"]) for _ in range(2)]
        return names

    heard = aiocometd_meets("end session after GetPreviewRecord", then=goes_on)
    assert heard == ["PreviewRecord", "PreviewRecord", "ChainedRecord", "ChainedRecord"]


# Chance


def test_one_seed_gives_one_course_of_things_and_another_one_another(client: Client) -> None:
    do = script(**dict.fromkeys(map(named, script()["steps"]), 0))
    do["steps"][-1]["until"] = {"notificationType": "PreviewSessionEnded"}  # the last of all
    courses = [heard(performed(client, do, "drop event ChainedRecord 50%", seed=seed)) for seed in (1, 1, 2)]

    assert courses[0] == courses[1] != courses[2]


# The command line


@pytest.mark.parametrize(
    ("fault", "hint"),
    [
        ("drop PreviewRecord", "for example: drop event PreviewRecord#2"),
        ("drop event PreviewRecrod", "did you mean PreviewRecord?"),
    ],
)
def test_what_is_no_fault_is_told_before_anything_begins(fault: str, hint: str) -> None:
    ended = subprocess.run(
        [RECORDER, "replay", CASSETTE, "--fault", fault], capture_output=True, text=True, timeout=60, check=False
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"fault '{fault}'" in ended.stderr
    assert hint in ended.stderr
