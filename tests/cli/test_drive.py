"""`recorder drive`, against stand-ins and against a trap that counts what is sent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import Result

from recorder.api.standin import StandIn
from recorder.library.recording import load_recording
from tests.cli.test_cassettes import PREVIEW, SMALL, fails, run
from tests.cli.test_json import problems
from tests.lab.processes import RECORDER

SHORT = ("--patience", "0.3")
LOGIN = "Basic YWdlbnQxOnNlY3JldA=="


@pytest.fixture
def values(tmp_path: Path) -> Path:
    path = tmp_path / "values.toml"
    path.write_text(f'[headers]\nAuthorization = "{LOGIN}"\n', encoding="utf-8")
    return path


@contextmanager
def trap() -> Iterator[tuple[str, list[str]]]:
    """Serve nothing, and list what is asked for; a connection without a request is one more."""
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            came.append("connection")
            super().setup()

        def handle_one_request(self) -> None:
            came.append(self.rfile.readline().decode("latin-1"))
            self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", came
    server.shutdown()
    server.server_close()
    thread.join()


def drive(cassette: Path, to: str, *options: str | Path) -> Result:
    return run("drive", cassette, "--to", to, "--rate", "instant", "--settle", "0.02", *options)


def test_a_cassette_driven_against_its_stand_in_is_as_recorded(tmp_path: Path, values: Path) -> None:
    with StandIn(PREVIEW, rate="instant") as standin:
        told = drive(PREVIEW, standin.url, "--values", values, "--allow-all", "-o", tmp_path / "live.cassette")

        assert (told.exit_code, told.stdout) == (0, ""), told.stderr
        assert (standin.played, standin.missed, standin.unplayed_events) == ((1, 2, 3, 4, 5, 6), 0, [])
    assert "as recorded" in told.stderr
    assert run("diff", PREVIEW, tmp_path / "live.cassette").stdout == ""
    assert run("scan", tmp_path / "live.cassette").exit_code == 0
    assert b"YWdlbnQxOnNlY3JldA" not in (tmp_path / "live.cassette").read_bytes()


@pytest.mark.parametrize("form", ["sealed", "archive"])
def test_any_form_of_a_cassette_is_driven(form: str, tmp_path: Path, values: Path) -> None:
    options = ["--archive"] if form == "archive" else []
    assert run("seal", SMALL, *options, "-o", tmp_path / "s.cassette").exit_code == 0

    with StandIn(SMALL, rate="instant") as standin:
        told = drive(tmp_path / "s.cassette", standin.url, "--values", values, "--allow-all")

    assert told.exit_code == 0, told.stderr


def test_a_run_that_stalls_says_which_of_the_events_did_not_come_and_what_to_try(values: Path) -> None:
    with StandIn(PREVIEW, rate="instant", faults=["drop event PreviewRecord"]) as standin:
        told = drive(PREVIEW, standin.url, "--values", values, "--allow-all", "--patience", "1")

    assert "event PreviewRecord (1 of 2) of triple 2 did not come within" in told.stdout
    assert [line for line in told.stderr.splitlines() if "waits for" in line] == [
        "recorder: step 6 GetChainedRecord waits for event PreviewRecord (1 of 2) of triple 2",
        "recorder: step 6 GetChainedRecord waits for event PreviewRecord (2 of 2) of triple 2 (values handle, device)",
    ]
    last = "recorder: to go on without it: --on-missing skip, or send; to wait longer: --patience SECONDS"
    assert (told.exit_code, told.stderr.splitlines()[-1]) == (3, last)


def test_a_server_that_answers_nothing_at_all_may_be_another_one(values: Path) -> None:
    with trap() as (url, _):
        told = drive(PREVIEW, url, "--values", values, "--allow-all", *SHORT)

    said = f"recorder: no answer came at all; is {url} the right server, and does it speak http there?"
    assert (told.exit_code, told.stderr.splitlines()[-1]) == (3, said)


def test_several_cassettes_are_refused_with_the_way_to_make_one_of_them() -> None:
    told = run("drive", PREVIEW, SMALL, "--dry-run")

    fails(2, "recorder merge", by=told)
    fails(2, "give one cassette, not 2", by=told)


def test_a_dry_run_sums_up_what_it_lists_and_what_allows_all_of_it(values: Path) -> None:
    told = run("drive", PREVIEW, "--dry-run", "--values", values, "--allow", "UpdateRecord")

    said = told.stderr.splitlines()
    assert said[-1] == "recorder: 11 steps; 6 may change data, 5 of them are not allowed; no value is missing"
    assert said[-2].startswith(
        "recorder: all that is not allowed yet: --allow StartPreviewSession --allow GetPreviewRecord --allow "
    )
    assert told.stdout.splitlines()[0] == " 0  s1 handshake  /meta/handshake"


def test_a_dry_run_of_one_request_that_is_missing_all_counts_in_the_singular() -> None:
    told = run("drive", SMALL, "--dry-run")

    assert told.stderr.splitlines()[-1].endswith("1 may change data, 1 is not allowed; 1 value is missing")


def test_all_that_is_not_allowed_is_named_once_more_to_be_copied(values: Path) -> None:
    told = drive(PREVIEW, "http://127.0.0.1:1", "--values", values, "--allow", "UpdateRecord")

    fails(2, "nothing was sent", by=told)
    assert "recorder: all that is not allowed yet: --allow StartPreviewSession --allow GetPreviewRecord" in told.stderr


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ('[keys]\ncampaign = "Test"', 9),  # by the key of the dialect, which stands in paths too
        ('[keys]\ncampaignName = "Test"', 6),  # by the name of the field
        ('[keys]\n"CompleteRecord.campaign" = "Test"', 1),
        ('[pseudonyms]\nCampaign1 = "Test"', 9),  # by the recorded text
    ],
)
def test_what_the_client_sent_as_its_own_can_be_given_another_value(given: str, count: int, values: Path) -> None:
    values.write_text(f"{values.read_text(encoding='utf-8')}{given}\n", encoding="utf-8")

    told = run("drive", PREVIEW, "--dry-run", "--values", values, "--json")

    filled = [one for step in json.loads(told.stdout)["steps"] for one in step["values"] if one["name"] == "campaign"]
    assert [one["from"] for one in filled].count("your values") == count
    assert {one["where"] for one in filled} <= {"path 5", "body.campaignName"}
    assert "no request takes" not in told.stderr


def test_a_handle_whose_event_was_cut_off_is_listed_as_recorded(tmp_path: Path) -> None:
    assert run("slice", PREVIEW, "--triples", "3", "-o", tmp_path / "s.cassette").exit_code == 0

    whole, cut = (run("drive", path, "--dry-run").stdout.splitlines() for path in (PREVIEW, tmp_path / "s.cassette"))

    assert "     handle (path 5): as recorded" in cut
    assert [line for line in whole if "handle" in line and "as recorded" in line] == []
    assert "      campaign (path 5): as recorded" in whole


def test_what_is_no_cassette_is_refused_in_one_line(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("no cassette", encoding="utf-8")

    told = drive(other, "http://127.0.0.1:1", "--allow-all")

    fails(4, "notes.txt", by=told)
    assert len(told.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "--allow"),
        (["--allow", "StartPreviewSession"], "--allow"),
        (["--allow-all", "--sessions", "s7"], "no session 's7'"),
        (["--allow-all", "-o", "VALUES", "--force"], "the command reads this file"),
        (["--allow-all", "--on-missing", "wait"], "--on-missing"),
        (["--allow-all", "--repeat", "0"], "--repeat"),
        (["--allow-all", "--dialect", "nonsense"], "nonsense"),
        (["--allow-all", "--policy", "nonsense"], "nonsense"),
    ],
)
def test_nothing_is_sent_before_all_is_right(options: list[str], told: str, values: Path) -> None:
    with trap() as (url, came):
        given = [str(values) if option == "VALUES" else option for option in options]
        result = drive(PREVIEW, url, "--values", values, *given)

    assert (result.exit_code, came) == (2, []), result.stderr
    assert told in result.stderr


def test_nothing_is_sent_while_a_value_is_missing(tmp_path: Path) -> None:
    with trap() as (url, came):
        result = drive(PREVIEW, url, "--allow-all", "-o", tmp_path / "live.cassette")

    fails(2, "nothing was sent", by=result)
    assert "Authorization" in result.stderr
    assert came == []
    assert not (tmp_path / "live.cassette").exists()


def test_a_misspelt_name_is_told_beside_what_it_does_not_allow(values: Path) -> None:
    told = drive(SMALL, "http://127.0.0.1:1", "--values", values, "--allow", "GetChainedRecrod")

    fails(2, "--allow GetChainedRecord allows it", by=told)
    warning = "recorder: warning: no request of the drive needs the permission 'GetChainedRecrod'"
    assert warning in told.stderr.splitlines()


def test_nothing_is_sent_by_a_dry_run_whatever_is_allowed(values: Path) -> None:
    with trap() as (url, came):
        result = drive(PREVIEW, url, "--values", values, "--allow-all", "--dry-run")

    assert (result.exit_code, came) == (0, [])


def test_without_a_server_nothing_is_driven_and_the_way_is_told() -> None:
    fails(2, "--to http://", "--dry-run", by=run("drive", PREVIEW, "--allow-all"))


def test_a_header_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECORDER_HEADER_AUTHORIZATION", LOGIN)

    with StandIn(SMALL, rate="instant") as standin:
        assert drive(SMALL, standin.url, "--allow", "GetChainedRecord").exit_code == 0


def test_a_server_that_is_not_there_is_unreachable(values: Path) -> None:
    fails(6, "127.0.0.1:1", by=drive(SMALL, "http://127.0.0.1:1", "--values", values, "--allow-all"))


def test_an_event_that_does_not_come_stops_the_run_and_is_named(values: Path) -> None:
    with StandIn(PREVIEW, rate="instant", faults=["drop event PreviewRecord"]) as standin:
        told = drive(PREVIEW, standin.url, "--values", values, "--allow-all", *SHORT)

    assert told.exit_code == 3, told.stderr
    (line,) = told.stdout.splitlines()
    assert "triple 2 GetPreviewRecord" in line
    assert "event missing" in line
    assert "GetChainedRecord" in told.stderr  # it waits


def test_a_run_goes_on_without_what_does_not_come_if_it_may(values: Path) -> None:
    with StandIn(PREVIEW, rate="instant", faults=["drop event UpdateCallCompletionStatsAcknowledge"]) as standin:
        told = drive(PREVIEW, standin.url, "--values", values, "--allow-all", "--on-missing", "send", *SHORT)

        assert standin.unplayed == ()
    assert told.exit_code == 1, told.stderr


def test_several_runs_say_first_how_much_they_send_and_write_a_cassette_each(tmp_path: Path, values: Path) -> None:
    with StandIn(SMALL, rate="instant", repeat="cycle") as standin:
        told = drive(
            SMALL, standin.url, "--values", values, "--allow-all", "--repeat", "3", "-o", tmp_path / "l.cassette"
        )

    assert told.exit_code == 0, told.stderr
    said = f"sends 1 request that may change data to {standin.url} (GetChainedRecord), 3 times: 3 in all"
    assert told.stderr.index(said) < told.stderr.index("run 1 of 3")
    names = ("l.cassette", "l-2.cassette", "l-3.cassette")
    assert [len(load_recording(tmp_path / name).triples) for name in names] == [1, 1, 1]


def test_a_run_for_programs_is_as_its_schema_says(values: Path) -> None:
    with StandIn(PREVIEW, rate="instant", faults=["drop event PreviewRecord"]) as standin:
        told = drive(PREVIEW, standin.url, "--values", values, "--allow-all", "--json", *SHORT)

    printed = json.loads(told.stdout)
    assert problems("drive", printed) == []
    (ran,) = printed["runs"]
    assert (ran["verdict"], ran["exit"], ran["findings"][0]["found"]) == ("stalled", 3, "event missing")


def test_a_dry_run_lists_what_leaves_in_order_with_what_it_waits_for() -> None:
    told = run("drive", PREVIEW, "--dry-run")

    assert told.exit_code == 0
    names = ("handshake", "StartPreviewSession", "GetPreviewRecord", "GetChainedRecord", "EndPreviewSession")
    places = [told.stdout.index(name) for name in names]
    assert places == sorted(places)
    assert "Authorization" in told.stdout + told.stderr


@pytest.mark.parametrize("options", [[], ["--allow-all"], ["--sessions", "s1"]])
def test_a_dry_run_for_programs_is_as_its_schema_says(options: list[str]) -> None:
    assert problems("drive", json.loads(run("drive", PREVIEW, "--dry-run", "--json", *options).stdout)) == []


def test_ctrl_c_ends_a_run_in_order(tmp_path: Path, values: Path) -> None:
    live = tmp_path / "live.cassette"
    with StandIn(PREVIEW, rate="instant") as standin:
        options = ["--to", standin.url, "--values", values, "--allow-all", "--rate", "0.01", "-o", live]
        command = [RECORDER, "drive", PREVIEW, *options]
        env = os.environ | {"PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True, env=env)
        assert process.stderr is not None
        while not any(session.parked for session in standin.sessions):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=20)[1]

        assert process.returncode == 130, told
        assert all(session.left for session in standin.sessions)
    assert told.splitlines()[-1] == "recorder: interrupted"
    assert "of 0 steps" not in told
    assert run("doctor", live).exit_code == 0
