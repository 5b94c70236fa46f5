"""`recorder load` checks all before anything is sent; tests/integration/load runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.test_cassettes import PREVIEW, fails, run
from tests.cli.test_drive import LOGIN, trap

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def agents(tmp_path: Path) -> Path:
    path = tmp_path / "agents.csv"
    path.write_text(f"headers.Authorization\n{LOGIN}\n{LOGIN}\n", encoding="utf-8")
    return path


def load(*options: str | Path) -> Result:
    return run("load", PREVIEW, *options)


def test_a_dry_run_lists_what_a_session_sends_and_what_is_missing() -> None:
    result = load("--dry-run")

    assert result.exit_code == 0
    assert "GetPreviewRecord" in result.stdout
    assert "--allow GetPreviewRecord allows it" in result.stderr
    assert "header Authorization" in result.stderr
    assert "in 1 session; " in result.stderr


def test_nothing_is_sent_before_each_request_is_allowed_and_each_value_is_there(agents: Path) -> None:
    with trap() as (url, came):
        refused = load("--to", url, "--values", agents, "--allow", "GetPreviewRecord")
        lacking = load("--to", url, "--allow-all")
        too_many = load("--to", url, "--allow-all", "--values", agents, "--users", "3")

    assert [one.exit_code for one in (refused, lacking, too_many)] == [2, 2, 2]
    assert "--allow GetChainedRecord allows it" in refused.stderr
    fails(2, "header Authorization", by=lacking)
    fails(2, "has values for 2 users, and there are 3; add rows, or play with --users 2", by=too_many)
    assert came == []


def test_a_mistake_in_a_row_of_values_names_its_line_and_no_value(agents: Path) -> None:
    agents.write_text('headers.Authorization\nok\n"secret\nvalue"\n')

    result = load("--to", NOWHERE, "--allow-all", "--values", agents)

    fails(2, f"{agents}, line 4", by=result)
    assert "secret" not in result.stderr


def test_a_file_without_rows_is_told_as_such(agents: Path) -> None:
    agents.write_text("headers.Authorization\n")

    result = load("--to", NOWHERE, "--allow-all", "--values", agents)

    fails(2, "the file with the values of the users has no row", by=result)


def test_a_server_that_cannot_be_reached_is_told_before_locust_begins(agents: Path) -> None:
    fails(6, f"recorder: {NOWHERE} cannot be reached", by=load("--to", NOWHERE, "--allow-all", "--values", agents))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "name the server to send to"),
        (["--to", NOWHERE, "--master", "--worker"], "--master and --worker are two processes"),
        (["--to", NOWHERE, "--master", "--processes", "2"], "--processes N has a master of its own"),
        (["--to", NOWHERE, "--worker", "--users", "2", "--run-time", "3s"], "give --users, --run-time to the master"),
        (["--to", NOWHERE, "--master-host", "h"], "--master-host is for a worker"),
        (["--to", NOWHERE, "--run-time", "soon"], "is no time; write 90s, 20m or 1h30m"),
        (["--to", NOWHERE, "--run-time", "0"], "'0' must be longer than 0 seconds"),
        (["--to", NOWHERE, "--run-time", "0h0m"], "'0h0m' must be longer than 0 seconds"),
        (["--to", NOWHERE, "--run-time", "99999999h"], "a year at most"),
        (["--to", NOWHERE, "--run-time", "9" * 30], "is no time"),
        (["--to", NOWHERE, "--run-time", "\N{ARABIC-INDIC DIGIT THREE}s"], "is no time"),
        (["--to", NOWHERE, "--spawn-rate", "inf"], "'inf' is no finite number"),
        (["--to", NOWHERE, "--spawn-rate", "nan"], "is no finite number"),
        (["--to", NOWHERE, "--stop-timeout", "inf"], "'inf' is no finite number"),
        (["--to", NOWHERE, "--values", "none.csv"], "none.csv"),
    ],
)
def test_options_without_a_meaning_are_refused(options: list[str], told: str) -> None:
    fails(2, told, by=load(*options))


def test_a_locustfile_that_exists_is_kept(tmp_path: Path, agents: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("# mine\n")

    fails(2, "--force", by=load("--to", NOWHERE, "--allow-all", "--values", agents, "-o", path))

    assert path.read_text() == "# mine\n"


def test_neither_the_command_nor_what_it_checks_loads_locust() -> None:
    code = (
        "import sys; from recorder.cli.commands import load; from recorder.fleet.users import locustfile, scenarios;"
        " from recorder.fleet.load import server; print(sorted({'locust', 'aiohttp'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
