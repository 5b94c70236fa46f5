"""Shipped cassettes, driven against their stand-ins and against the lab, and read back."""

import asyncio
import math
import secrets
from pathlib import Path

import pytest

from recorder import StandIn
from recorder.cassette.reader import open_cassette
from recorder.dialect.carried import dialect_of
from recorder.drive.engine.allowing import Allowed
from recorder.drive.engine.driver import Driver
from recorder.drive.engine.fresh import new_ids
from recorder.drive.engine.planning import plan_of
from recorder.drive.engine.values import Values
from recorder.drive.front.run import Front
from recorder.drive.front.tape import Tape
from recorder.drive.front.target import Target
from recorder.library.recording import load_recording
from recorder.redaction.joins import of_cassette
from recorder.redaction.policy import load
from tests.lab.lab import Lab, available

CASSETTES = Path(__file__).parents[3] / "cassettes"
SECRET = "c2VjcmV0LXZhbHVl"
REASON = available()


def driven(path, url, live, *, rate=math.inf, allowed=None):
    """Drive a cassette against a server, and record it; return the driver with its state at the end."""
    values = Values.parse(f'[headers]\nAuthorization = "Basic {SECRET}"\n', "values.toml", {})
    with open_cassette(path) as cassette:
        records, header = list(cassette.records()), cassette.header
    dialect = dialect_of(header)
    plan = plan_of(load_recording(path), records, dialect, of_cassette(header))
    driver = Driver(plan, values=values, new_id=new_ids(secrets.token_bytes), rate=rate, settle=0.1, dialect=dialect)
    tape = Tape(live, upstream=url, dialect=dialect, policy=load())

    async def run():
        allows = allowed or Allowed(everything=True)
        front = Front(driver, plan, Target.at(url), values=values, allowed=allows, rules=dialect.push, tape=tape)
        await front.run()
        return driver.state(asyncio.get_running_loop().time())

    return driver, asyncio.run(run())


def operations(path):
    """Return what a recording has of each triple that does not differ from run to run."""
    return [
        (triple.operation, triple.state, triple.ack.status, [link.name for link in triple.events])
        for triple in load_recording(path).triples
    ]


@pytest.mark.parametrize("name", ["preview-session", "get-chained-record"])
def test_a_shipped_cassette_drives_its_own_stand_in(name, tmp_path):
    path, live = CASSETTES / f"{name}.cassette", tmp_path / "live.cassette"

    with StandIn(path, rate="instant") as standin:
        driver, state = driven(path, standin.url, live)

    assert driver.findings == []
    assert (state.sent, state.answered, state.heard) == (state.steps, state.answers, state.events)
    assert standin.misses == []
    assert operations(live) == operations(path)
    assert SECRET.encode() not in live.read_bytes()


def test_what_is_not_allowed_reaches_no_stand_in(tmp_path):
    path = CASSETTES / "preview-session.cassette"

    with StandIn(path, rate="instant") as standin:
        driver, _ = driven(path, standin.url, tmp_path / "live.cassette", allowed=Allowed())

    assert driver.findings
    assert all(session.played == () for session in standin.sessions)


@pytest.mark.node
@pytest.mark.once
@pytest.mark.skipif(REASON is not None, reason=str(REASON))
@pytest.mark.parametrize("bayeux", ["cometd", "faye"])
def test_a_shipped_cassette_drives_a_real_server(bayeux, tmp_path):
    path, live = CASSETTES / "preview-session.cassette", tmp_path / "live.cassette"

    with Lab(bayeux, tmp_path / "truth") as lab:
        lab.options(chain=2, early=1, splitMs=12)
        driver, _ = driven(path, lab.url, live)
        truth = lab.truth()

    assert driver.findings == []
    assert [cause.status for cause in truth] == [200] * 7
    assert operations(live) == operations(path)
