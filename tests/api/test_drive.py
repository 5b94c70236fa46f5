"""`Drive`: checked before the first byte, run again and again, step by step, in a thread and in an event loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from recorder import Drive, StandIn, UsageError
from recorder.cassette.codec import encode_header
from recorder.drive.engine.plan import Act, Found
from recorder.drive.engine.report import Report
from recorder.errors import NothingSelected, UpstreamError, ValuesError
from recorder.library.recording import load_recording
from tests.wire import HEADER

CASSETTES = Path(__file__).parents[2] / "cassettes"
PREVIEW = CASSETTES / "preview-session.cassette"
SMALL = CASSETTES / "get-chained-record.cassette"
LOGIN = {"RECORDER_HEADER_AUTHORIZATION": "Basic YWdlbnQxOnNlY3JldA=="}


def driven(to: str, cassette: Path = PREVIEW, **options: Any) -> Drive:
    given: dict[str, Any] = {"allow_all": True, "rate": "instant", "environ": LOGIN, "settle": 0.02}
    return Drive(cassette, to, **given | options)


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn(PREVIEW, rate="instant") as standin:
        yield standin


def test_a_run_sends_all_and_hears_all(server: StandIn) -> None:
    report = driven(server.url).run()

    assert (report.sent, report.answered, report.heard) == (report.steps, report.answers, report.events)
    assert (report.findings, report.exit_code, report.is_over, report.cassette) == ((), 0, True, None)
    assert server.played == (1, 2, 3, 4, 5, 6)
    assert server.missed == 0


def test_a_second_run_has_fresh_ids_and_a_cassette_of_its_own(server: StandIn, tmp_path: Path) -> None:
    drive = driven(server.url, output=tmp_path / "one.cassette")

    one, other = drive.run(), drive.run(tmp_path / "other.cassette")

    ids = [dict(report.bindings)["desk-1"] for report in (one, other)]
    assert len({*ids, "desk-1"}) == 3
    assert [len(report.recording().triples) for report in (one, other)] == [6, 6]
    assert drive.report() == other


def test_a_run_is_put_at_a_url(server: StandIn) -> None:
    report = driven(server.url, output="memory://live/one.cassette").run()

    assert str(report.cassette) == "memory://live/one.cassette"
    assert len(report.recording().triples) == 6
    with pytest.raises(UsageError, match=r"^memory://live/one.cassette: exists already"):
        driven(server.url, output="memory://live/one.cassette").run()
    fsspec.filesystem("memory").store.clear()


def test_a_seed_gives_equal_ids(server: StandIn) -> None:
    drive = driven(server.url, seed=7)
    one, next_one, other = drive.run(), drive.run(), driven(server.url, seed=7).run()

    assert one.bindings == other.bindings != next_one.bindings


def test_a_run_is_awaited_in_the_event_loop_of_the_server() -> None:
    turns: list[None] = []

    async def both() -> Report:
        async with StandIn(PREVIEW, rate="instant") as standin:
            return await driven(standin.url).run_async(on_turn=lambda: turns.append(None))

    assert asyncio.run(both()).exit_code == 0
    assert len(turns) > 6


def test_a_run_that_would_block_the_event_loop_is_refused(server: StandIn) -> None:
    async def blocking() -> None:
        with pytest.raises(UsageError, match=r"await drive\.run_async\(\)"):
            driven(server.url).run()
        with pytest.raises(UsageError, match=r"await asyncio\.to_thread\(drive\.step\)"):
            driven(server.url).step()

    asyncio.run(blocking())


def test_steps_leave_one_by_one_and_each_has_come_to_rest(server: StandIn) -> None:
    with driven(server.url) as drive:
        titles, played = [], []
        while (step := drive.step()) is not None:
            titles.append(step.title)
            played.append(server.played)

        assert titles == [step.title for step in drive.plan.steps]
        assert played[titles.index("StartPreviewSession")] == (1,)
        assert played[titles.index("GetChainedRecord")] == (1, 2, 3)
        assert drive.report().sent == len(titles)
        assert drive.findings == []


def test_a_stepped_run_that_is_left_disconnects(server: StandIn) -> None:
    with driven(server.url) as drive:
        for _ in range(5):
            drive.step()
        assert [session.left for session in server.sessions] == [False]

    assert [session.left for session in server.sessions] == [True]


def test_a_stepped_run_tells_that_the_server_is_not_there() -> None:
    with driven("http://127.0.0.1:1") as drive, pytest.raises(UpstreamError):
        drive.step()


def test_a_stepped_run_that_stalls_ends() -> None:
    with StandIn(SMALL, rate="instant", faults=["drop event ChainedRecordsDataEnd"]) as silent:
        drive = driven(silent.url, SMALL, patience=0.3)
        steps = [drive.step() for _ in range(6)]
        drive.close()

    assert steps[-1] is None
    assert drive.report().has_stalled
    assert [finding.found for finding in drive.findings] == [Found.MISSING_EVENT]


def test_what_is_not_allowed_is_named_and_nothing_is_sent(server: StandIn) -> None:
    drive = driven(server.url, allow_all=False, allow=["StartPreviewSession", "GetPreviewRecord"])

    with pytest.raises(UsageError, match="GetChainedRecord"):
        drive.run()
    assert "StartPreviewSession" not in str(drive.problems())
    assert {step.title for step in drive.refused} < {step.title for step in drive.writes}
    assert server.sessions == []


def test_what_is_missing_is_told_in_words_of_python_to_be_copied() -> None:
    drive = driven("http://127.0.0.1:1", allow_all=False, allow=["GetPreviewRecord", "GetChainedRecord"])

    with pytest.raises(UsageError) as told:
        drive.check()

    names = ["StartPreviewSession", "UpdateRecord", "CompleteRecord", "EndPreviewSession"]
    assert str(told.value) == (
        f"requests that may change data must be allowed: allow={names}, or allow_all=True; nothing was sent"
    )


def test_a_file_of_values_that_is_not_there_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"valuse\.toml: the file with values cannot be read: No such file"):
        driven("", values=tmp_path / "valuse.toml")


def test_another_campaign_of_the_user_goes_over_the_wire(server: StandIn, tmp_path: Path) -> None:
    values = tmp_path / "values.toml"
    values.write_text('[keys]\ncampaign = "Other"\n', encoding="utf-8")

    driven(server.url, values=values, patience=0.3).run()

    assert "POST /api/v2/me/outbound-campaigns/Other" in server.misses[0]


def test_reading_needs_no_allowance(server: StandIn) -> None:
    drive = driven(server.url, allow_all=False)

    assert "GET /api/v2/me" not in {step.title for step in drive.writes}
    assert {step.act for step in drive.writes} == {Act.CALL}


def test_what_is_allowed_or_given_for_nothing_is_told(tmp_path: Path) -> None:
    path = tmp_path / "values.toml"
    path.write_text('[keys]\nhandel = "7"\n', encoding="utf-8")

    drive = driven("", values=path, allow=["UpdateRecrod", "UpdateRecord", "POST /nothing"])

    assert drive.unused() == [
        "no request of the drive needs the permission 'UpdateRecrod'",
        "no request of the drive needs the permission 'POST /nothing'",
        "no request takes the value keys.handel of the values file",
    ]


def test_a_value_that_is_missing_is_named_and_nothing_is_sent(server: StandIn) -> None:
    with pytest.raises(UsageError, match="Authorization"):
        driven(server.url, environ={}).run()
    assert server.sessions == []


def test_without_a_server_it_only_lists() -> None:
    drive = driven("")

    assert len(drive.plan.steps) == 11
    with pytest.raises(UsageError, match="name the server to send to"):
        drive.run()


def test_one_session_of_several_is_played(server: StandIn) -> None:
    assert len(driven(server.url, sessions=["s1"]).plan.steps) == 11
    with pytest.raises(UsageError, match="no session 's2'"):
        driven(server.url, sessions=["s2"])


def test_a_cassette_that_exists_is_left_alone_unless_forced(server: StandIn, tmp_path: Path) -> None:
    live = tmp_path / "live.cassette"
    live.write_bytes(b"old")

    with pytest.raises(UsageError, match="--force"):
        driven(server.url, SMALL, output=live).run()
    assert live.read_bytes() == b"old"
    assert server.sessions == []

    driven(server.url, output=live, force=True).run()
    assert len(load_recording(live).triples) == 6


def test_the_cassette_that_is_driven_is_never_written(server: StandIn, tmp_path: Path) -> None:
    own = tmp_path / "own.cassette"
    own.write_bytes(PREVIEW.read_bytes())

    with pytest.raises(UsageError, match="the command reads this file"):
        driven(server.url, own, output=own, force=True).run()
    assert own.read_bytes() == PREVIEW.read_bytes()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rate": 0}, "rate must be a positive number or 'instant', not 0"),
        ({"rate": "fast"}, "rate must be"),
        ({"to": "staging.example"}, "must begin with http://"),
        ({"to": "http://ann:s3cret@staging.example"}, "takes no login"),
        ({"on_missing": "wait"}, "on_missing must be one of stop, skip, send, not 'wait'"),
        ({"patience": 0.0}, "patience must be a positive number"),
        ({"patience": float("nan")}, "patience must be a positive number"),
    ],
)
def test_an_argument_that_cannot_be_used_says_why(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        driven(**{"to": "http://127.0.0.1:1"} | options)
    assert "s3cret" not in str(caught.value)


def test_a_values_file_that_is_no_utf8_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "values.toml"
    path.write_bytes(b'[headers]\nAuthorization = "\xff"')

    with pytest.raises(ValuesError, match="is not UTF-8 at byte 27"):
        driven("http://127.0.0.1:1", values=path)


def test_a_cassette_without_a_client_is_nothing_to_drive(tmp_path: Path) -> None:
    empty = tmp_path / "empty.cassette"
    empty.write_bytes(encode_header(HEADER))

    with pytest.raises(NothingSelected, match="no request of a client"):
        driven("http://127.0.0.1:1", empty)


@pytest.mark.parametrize("missing", ["aiohttp", "aiocometd_noloop"])
def test_without_the_extra_it_is_said_how_to_install_it(missing: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None; from recorder import Drive, UsageError\n"
        f"try: Drive({str(SMALL)!r}, 'http://127.0.0.1:1')\n"
        "except UsageError as exc: print(exc)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == f"a drive needs {missing}: pip install 'outbound-recorder[drive]'\n"


def test_the_import_loads_neither_aiohttp_nor_mitmproxy() -> None:
    program = (
        "import sys; from recorder import Drive;"
        f"Drive({str(SMALL)!r}, '').problems();"
        "print(*{'aiohttp', 'mitmproxy', 'aiocometd_noloop'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "\n"
