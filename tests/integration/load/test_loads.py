"""Many users play recordings on Locust: a master with workers, against the lab and against a stand-in."""

from __future__ import annotations

import base64
import csv
import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.lab.lab import Lab
from tests.lab.processes import RECORDER, recorder, until
from tests.lab.sessions import DRIVEN

pytestmark = [pytest.mark.once, pytest.mark.timeout(300)]

LABS = Path(__file__).parents[2] / "cassettes" / "labs"
GWS, DESK = LABS / "gws.cassette", LABS / "desk.cassette"
# Set by `make loads`: as many users as the project promises, for a minute.
LONG = os.environ.get("RECORDER_LONG_LOADS") == "1"
USERS, SPAWN_RATE, SECONDS, RATE = ("200", "20", "60s", "1") if LONG else ("16", "16", "5s", "10")
_WAIT = 60 + 2 * int(SECONDS[:-1])
# a busy machine stalls a server for longer than the five seconds of a user; what is lost does not come in thirty either
_PATIENT = ("--patience", "30")


def agents(folder: Path, count: int) -> Path:
    """Write a login for each of so many agents."""
    path = folder / "agents.csv"
    logins = (base64.b64encode(f"agent{number}:secret".encode()).decode() for number in range(count))
    path.write_text("headers.Authorization\n" + "".join(f"Basic {one}\n" for one in logins))
    return path


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def counts(prefix: Path) -> dict[tuple[str, str], int]:
    """What Locust has no column for: sessions, faults, what was cut off."""
    return {(row["Group"], row["Name"]): int(row["Count"]) for row in rows(Path(f"{prefix}_sessions.csv"))}


def statistics(prefix: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """Requests and failures of each row of Locust's statistics."""
    found = rows(Path(f"{prefix}_stats.csv"))
    return {(row["Type"], row["Name"]): (int(row["Request Count"]), int(row["Failure Count"])) for row in found}


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, told = process.communicate(timeout=_WAIT)
    return process.returncode, told


def load(*arguments: str | Path) -> subprocess.Popen[str]:
    line = [RECORDER, "load", *map(str, arguments)]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def assert_clean(prefix: Path) -> dict[tuple[str, str], int]:
    """Nothing was early, wrong or lost, and each session is complete or cut off."""
    found = counts(prefix)
    assert {name: number for (group, name), number in found.items() if group == "faults" and number} == {}
    complete, cut = found["sessions", "complete"], found["sessions", "cut off"]
    assert found["sessions", "begun"] == complete + cut
    assert complete >= int(USERS) // 2
    told = statistics(prefix)
    assert sum(failures for _, failures in told.values()) == 0
    assert [requests for (kind, _), (requests, _) in told.items() if kind == "session"] == [complete]
    return found


@pytest.mark.node
def test_a_master_and_two_workers_play_agents_against_a_server(tmp_path: Path) -> None:
    port, prefix = str(free_port()), tmp_path / "out"
    with Lab("cometd", tmp_path / "truth.jsonl") as lab, ExitStack() as stack:
        lab.options(**DRIVEN, firstHandle=4711, strictHandles=True)
        shared = (
            GWS,
            "--to",
            lab.url,
            "--allow-all",
            "--values",
            agents(tmp_path, int(USERS)),
            "--rate",
            RATE,
            *_PATIENT,
        )
        at = ("--master-port", port)
        master = load(*shared, *at, "--master", "--expect-workers", "2", "--users", USERS, "--spawn-rate", SPAWN_RATE,
                      "--run-time", SECONDS, "--csv", prefix, "--html", tmp_path / "report.html")  # fmt: skip
        workers = [load(*shared, *at, "--worker") for _ in range(2)]
        for one in (master, *workers):
            stack.callback(one.kill)
        code, told = ended(master)
        codes = [ended(one)[0] for one in workers]
        lines = lab.lines()

    assert (code, codes) == (0, [0, 0]), told
    found = assert_clean(prefix)
    assert len({line["agent"] for line in lines if line["kind"] == "request"}) == int(USERS)
    given = {str(line["given"]) for line in lines if "given" in line}
    assert [line["asked"] for line in lines if "asked" in line and line["asked"] not in given] == []
    asked = Counter(line["body"]["operationName"] for line in lines if line["kind"] == "request" and line["body"])
    for name, number in asked.items():  # the statistics of both workers are there, to the last one
        acks, cut = statistics(prefix)["ack", name][0], found.get(("cut off", f"ack {name}"), 0)
        assert acks <= number <= acks + cut, name
    assert "GetChainedRecord" in (tmp_path / "report.html").read_text()


def test_workers_of_one_command_play_against_a_stand_in(tmp_path: Path) -> None:
    prefix, kept = tmp_path / "out", tmp_path / "locustfile.py"
    with recorder("replay", DESK, "--listen", "127.0.0.1:0", "--rate", "instant") as standin:
        run = load(DESK, "--to", standin.url, "--allow-all", "--send-recorded-credentials", "--rate", RATE,
                   "--processes", "2", "--master-port", str(free_port()), "--users", USERS, "--spawn-rate", SPAWN_RATE,
                   "--run-time", SECONDS, "--csv", prefix, "-o", kept, *_PATIENT)  # fmt: skip
        code, told = ended(run)

    assert code == 0, told
    assert_clean(prefix)
    assert "class Agents(SessionUser):" in kept.read_text()
    assert "not answered" not in standin.stderr


def test_ctrl_c_ends_in_order_and_failures_have_their_reason(tmp_path: Path) -> None:
    prefix = tmp_path / "out"
    fault = ("--fault", "drop event PreviewSessionEnded")
    with recorder("replay", DESK, "--listen", "127.0.0.1:0", "--rate", "instant", *fault) as standin:
        run = load(DESK, "--to", standin.url, "--allow-all", "--send-recorded-credentials", "--rate", "instant",
                   "--users", "2", "--spawn-rate", "2", "--patience", "0.5", "--csv", prefix)  # fmt: skip
        failures = Path(f"{prefix}_failures.csv")
        until(lambda: failures.exists() and len(failures.read_text().splitlines()) > 2, "a failure")
        run.send_signal(signal.SIGINT)
        began = time.monotonic()
        code, told = ended(run)

    assert code == 130, told
    assert time.monotonic() - began < 30  # a server that is gone would take longer
    found = counts(prefix)
    assert found["faults", "lost"] >= 2
    assert found["sessions", "begun"] == sum(found["sessions", one] for one in ("complete", "cut off", "broken"))
    lost = [row for row in rows(failures) if row["Method"] == "events"]
    assert [row["Name"] for row in lost] == ["EndPreviewSession"]
    assert lost[0]["Error"].startswith("lost: triple 8 EndPreviewSession, event PreviewSessionEnded: ")
    assert "0 early, 0 wrong id" in told


@contextmanager
def two_workers(prefix: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], int, list[int]]]:
    """Run a load in two workers; yield the command, and the processes of Locust once each of them has played."""
    with recorder("replay", DESK, "--listen", "127.0.0.1:0", "--rate", "instant") as standin:
        run = load(DESK, "--to", standin.url, "--allow-all", "--send-recorded-credentials", "--rate", "instant",
                   "--processes", "2", "--users", "4", "--spawn-rate", "4", "--csv", prefix, *more)  # fmt: skip
        found: list[int] = []
        try:
            tables = Path(f"{prefix}_stats.csv")
            until(lambda: tables.exists() and "\nsession," in tables.read_text(), "a session")
            [master] = children(run.pid)
            found = [master, *children(master)]
            yield run, master, found[1:]
        finally:
            run.kill()
            for one in found:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_worker_that_is_killed_fails_the_load(tmp_path: Path) -> None:
    with two_workers(tmp_path / "out") as (run, _, workers):
        os.kill(workers[0], signal.SIGKILL)
        run.send_signal(signal.SIGTERM)
        code, told = ended(run)

    assert code == 128 + signal.SIGTERM
    found = counts(tmp_path / "out")
    assert {name: number for (group, name), number in found.items() if group == "faults" and number} == {
        "worker lost": 1
    }
    assert "session worker: worker lost: its last numbers are missing" in told
    assert "closed file" not in told
    assert found["sessions", "complete"] == statistics(tmp_path / "out")["session", "desk"][0]


def test_workers_end_soon_after_their_master_was_killed(tmp_path: Path) -> None:
    with two_workers(tmp_path / "out") as (run, master, workers):
        os.kill(master, signal.SIGKILL)
        until(lambda: not any(map(is_running, workers)), "the end of the workers")
        code, _ = ended(run)

    assert code == 1
