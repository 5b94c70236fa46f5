"""The desktop against a recorded GWS; nothing of it is needed here."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from desktop import desktop, work

PHONES = ["999115-5295", "999384-2970"]  # pseudonyms: the recorder keeps no telephone number


@pytest.mark.cassette("preview-session", unplayed="fail")
def test_a_record_is_worked_from_start_to_end(standin):
    assert asyncio.run(work(standin.url)) == PHONES


@pytest.mark.cassette("preview-session", faults=["http 500 CompleteRecord"], unplayed="fail")
def test_an_operation_that_failed_is_tried_again(standin):
    asyncio.run(work(standin.url))

    assert standin.report()["faults"] == [{"fault": "http 500 CompleteRecord", "hit": 1}]


@pytest.mark.cassette("preview-session", faults=["unknown-client after GetPreviewRecord"], unplayed="fail")
def test_a_server_that_forgot_the_session_is_greeted_anew(standin):
    assert asyncio.run(work(standin.url)) == PHONES


@pytest.mark.cassette("preview-session", unplayed="fail")
def test_the_desktop_as_a_program(standin):
    program = [sys.executable, Path(__file__).with_name("desktop.py"), standin.url]

    assert subprocess.check_output(program, text=True).split() == PHONES


@pytest.mark.cassette("preview-session", unplayed="ignore")
def test_a_preview_session_that_has_begun(standin):
    async def begin():
        async with desktop(standin.url, "agent1", "secret") as agent:
            await agent.start()

    asyncio.run(begin())

    assert (standin.played, standin.pending, standin.misses) == ((1,), 0, [])
