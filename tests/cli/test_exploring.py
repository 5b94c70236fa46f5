"""`recorder explore` on commands of real clients, with a race and without."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result

from recorder.explore.files import file_name
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Schedule
from tests.cli.test_cassettes import PREVIEW, SMALL, fails, run
from tests.cli.test_json import problems
from tests.lab.processes import RECORDER, recorder, until

CLIENT = """
import http.client, json, os, select, sys
from urllib.parse import urlsplit

HOST = urlsplit(os.environ["RECORDER_URL"]).netloc
HEADERS = {"Content-Type": "application/json", "Authorization": "Basic YWdlbnQxOnNlY3JldA=="}

def sends(path, content):
    connection = http.client.HTTPConnection(HOST, timeout=20)
    connection.request("POST", path, json.dumps(content), HEADERS)
    return connection

def tells(channel, **fields):
    return sends("/api/v2/notifications", [{"channel": channel, "id": "1", "clientId": client} | fields])

def heard(connection):
    return [one for one in json.loads(connection.getresponse().read()) if "successful" not in one]

client = None
hello = json.loads(tells("/meta/handshake", version="1.0", supportedConnectionTypes=["long-polling"])
                   .getresponse().read())
client = hello[0]["clientId"]
for channel in ("/v2/me/outbound", "/me/internal"):
    tells("/meta/subscribe", subscription=channel).getresponse().read()
tells("/meta/connect", connectionType="long-polling", advice={"timeout": 0}).getresponse().read()
poll = tells("/meta/connect", connectionType="long-polling")
sent = sends("/api/v2/me/outbound-records/7", BODY)
events = heard(poll)
if "hasty" in sys.argv and not select.select([sent.sock], [], [], 0)[0]:
    sys.exit("an event came before the ack")
if "backwards" in sys.argv and select.select([sent.sock], [], [], 0)[0]:
    sys.exit("the ack came before the event")
while len(events) < 2:
    events += heard(tells("/meta/connect", connectionType="long-polling"))
assert sent.getresponse().status == 200
tells("/meta/disconnect").getresponse().read()
"""
BODY = {
    "operationName": "GetChainedRecord",
    "devicePath": "/devices/c259da54-7c22-4a43-9440-77a92facc86b",
    "applicationId": 134,
    "campaignName": "Campaign1",
    "referenceId": "mine",
}
NODE = """
const url = process.argv[2];
const headers = { "Content-Type": "application/json", Authorization: "Basic YWdlbnQxOnNlY3JldA==" };
let clientId;
const post = (path, body) => fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
const tell = async (channel, fields) =>
  (await post("/api/v2/notifications", [{ channel, id: "1", clientId, ...fields }])).json();
const poll = async (fields) => {
  const messages = await tell("/meta/connect", { connectionType: "long-polling", ...fields });
  return messages.filter((one) => !("successful" in one));
};
const hello = await tell("/meta/handshake", { version: "1.0", supportedConnectionTypes: ["long-polling"] });
clientId = hello[0].clientId;
for (const subscription of ["/v2/me/outbound", "/me/internal"]) await tell("/meta/subscribe", { subscription });
await poll({ advice: { timeout: 0 } });
let isAcked = false;
const first = poll({});
const sent = post("/api/v2/me/outbound-records/7", BODY).then(() => (isAcked = true));
const events = await first;
if (process.argv[3] === "hasty" && !isAcked) throw new Error("an event came before the ack");
while (events.length < 2) events.push(...(await poll({})));
await sent;
await tell("/meta/disconnect", {});
"""
CHAIN = Path(__file__).parents[1] / "cassettes" / "races" / "chain.cassette"
RACE = "fails if ChainedRecordsDataEnd on /v2/me/outbound (event 1.1) arrives before the ack of GetChainedRecord"
FEW = ("--schedules", "3", "--delay", "0")  # each run starts a client


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return Path(shutil.copy(SMALL, tmp_path / "s.cassette"))


@pytest.fixture
def python(tmp_path: Path) -> list[str]:
    path = tmp_path / "client.py"
    path.write_text(CLIENT.replace("BODY", repr(BODY)), encoding="utf-8")
    return [sys.executable, "-S", str(path)]


@pytest.fixture
def node(tmp_path: Path) -> list[str]:
    path = tmp_path / "client.mjs"
    path.write_text(NODE.replace("BODY", json.dumps(BODY)), encoding="utf-8")
    return ["node", str(path), "{url}"]


def explore(cassette: Path, program: list[str], *options: str | Path) -> Result:
    few = () if "--schedule" in options else FEW
    return run("explore", cassette, *few, *options, "--", *program)


def code(script: str) -> list[str]:
    return [sys.executable, "-S", "-c", script]


def schedule_file(folder: Path) -> Path:
    (found,) = folder.glob("*.schedule.json")
    return found


def test_a_race_of_a_python_client_is_found_kept_and_played_again(
    small: Path, python: list[str], tmp_path: Path
) -> None:
    told = explore(small, [*python, "hasty"])

    assert told.exit_code == 1, told.stderr
    assert told.stdout.startswith(RACE)
    kept = schedule_file(tmp_path)
    held = json.loads(kept.read_text(encoding="utf-8"))
    assert held["deviations"] == ["event 1.1 before ack 1"]
    assert "an event came before the ack" in told.stderr
    assert f"{kept}: holds the schedule" in told.stderr
    assert f"--schedule {held['id']} -- {sys.executable} " in told.stderr
    page = told.stderr.splitlines()[-1].partition("both orders on a page: recorder ")[2].split()
    assert run(*page[:-1], tmp_path / "orders.html").exit_code == 0

    again = explore(small, [*python, "hasty"], "--schedule", held["id"][:4])
    by_text = explore(small, [*python, "hasty"], "--schedule", "event 1.1 before ack 1")
    repaired = explore(small, python, "--schedule", kept)

    assert [again.exit_code, by_text.exit_code, repaired.exit_code] == [1, 1, 0]
    assert again.stdout == "fails under event 1.1 before ack 1\n"


def test_a_right_python_client_passes_and_the_coverage_is_told(small: Path, python: list[str], tmp_path: Path) -> None:
    told = explore(small, python, "--schedules", "12")

    assert told.exit_code == 0, told.stderr
    assert told.stdout.endswith("3 of 3 pairs of neighbours seen in both orders.\n")
    assert list(tmp_path.glob("*.schedule.json")) == []


@pytest.mark.node
def test_a_race_of_a_client_in_node_is_found(small: Path, node: list[str]) -> None:
    wrong, right = (explore(small, words) for words in ([*node, "hasty"], node))

    assert (wrong.exit_code, right.exit_code) == (1, 0), wrong.stderr + right.stderr
    assert wrong.stdout.startswith(RACE)
    assert "an event came before the ack" in wrong.stderr


def test_equal_seeds_write_equal_files(small: Path, python: list[str], tmp_path: Path) -> None:
    files = []
    for folder in ("one", "two"):
        explore(small, [*python, "hasty"], "--seed", "3", "-o", tmp_path / folder)
        files.append(schedule_file(tmp_path / folder))

    one, two = files
    assert (one.name, one.read_bytes()) == (two.name, two.read_bytes())


@pytest.mark.parametrize("place", ["the folder is a file by then", "a folder has the name"])
def test_what_was_found_is_told_where_its_file_cannot_be_written(
    place: str, small: Path, python: list[str], tmp_path: Path
) -> None:
    if place == "a folder has the name":
        options, code_ = [], 2
        (tmp_path / file_name(small.name, Schedule.of([Deviation.parse("event 1.1 before ack 1")]))).mkdir()
    else:
        options, code_ = ["-o", tmp_path / "folder"], 4
        client = Path(python[-1])
        client.write_text(f"open({str(tmp_path / 'folder')!r}, 'w')\n" + client.read_text("utf-8"), "utf-8")

    told = explore(small, [*python, "hasty"], *options)
    (tmp_path / "folder").unlink(missing_ok=True)
    as_json = explore(small, [*python, "hasty"], *options, "--json")

    assert told.exit_code == as_json.exit_code == code_, told.stderr
    assert told.stdout.startswith(RACE)
    assert "; replay it with --schedule 'event 1.1 before ack 1'\n" in told.stdout
    assert "an event came before the ack" in told.stderr
    assert "--schedule 'event 1.1 before ack 1' -- " in told.stderr
    problem = "is a folder, and the file of the schedule has this name; " if not options else "is not a folder"
    assert problem in told.stderr.splitlines()[-1]
    assert "add the name" not in told.stderr
    result = json.loads(as_json.stdout)
    assert (result["verdict"], result["file"], problems("explore", result)) == ("failed", None, [])
    assert "--schedule 'event 1.1 before ack 1'\n" in result["says"]


def test_a_schedule_in_another_folder_is_named_by_its_file(small: Path, python: list[str], tmp_path: Path) -> None:
    told = explore(small, [*python, "hasty"], "-o", tmp_path / "found")

    file = schedule_file(tmp_path / "found")
    assert f"; replay it with --schedule {file}\n" in told.stdout
    assert f"--schedule {file} -- {sys.executable} " in told.stderr


def test_programs_read_json(small: Path, python: list[str], tmp_path: Path) -> None:
    found, passed = explore(small, [*python, "hasty"], "--json"), explore(small, python, "--json")
    result = json.loads(found.stdout)
    played = explore(small, python, "--json", "--schedule", result["schedule"]["id"])

    assert [problems("explore", json.loads(one.stdout)) for one in (found, passed, played)] == [[], [], []]
    assert (result["verdict"], result["schedule"]["deviations"]) == ("failed", ["event 1.1 before ack 1"])
    assert result["file"] == str(schedule_file(tmp_path))
    assert json.loads(passed.stdout)["verdict"] == "passed"
    assert json.loads(played.stdout)["met"] == ["event 1.1 before ack 1"]


def test_a_command_that_fails_as_recorded_says_so(small: Path, tmp_path: Path) -> None:
    told = explore(small, code("import sys; print('no server'); sys.exit(3)"))

    assert told.exit_code == 1
    assert "recorded order" in told.stdout
    assert "  no server\nrecorder: exit code 3: no server" in told.stderr
    assert list(tmp_path.glob("*.schedule.json")) == []


def test_the_smallest_difference_that_passes_is_told_of_a_command_that_fails_as_recorded(
    small: Path, python: list[str], tmp_path: Path
) -> None:
    told = explore(small, [*python, "backwards"])

    assert told.exit_code == 1
    assert told.stdout.startswith("fails in the recorded order, and passes if ChainedRecordsDataEnd")
    kept = schedule_file(tmp_path)
    assert explore(small, [*python, "backwards"], "--schedule", kept).exit_code == 0


def test_a_miss_fails_a_run_whatever_the_command_makes_of_it(small: Path) -> None:
    misses = """
import os, urllib.request
try: urllib.request.urlopen(os.environ["RECORDER_URL"] + "/other")
except OSError: pass
"""
    told = explore(small, code(misses))

    assert told.exit_code == 1
    assert "1 request matched nothing: no recorded request matches GET /other" in told.stderr


@pytest.mark.parametrize("char", ["\0", "x", "\x1b"])
def test_a_long_line_of_the_command_is_cut_as_it_is_printed(char: str, small: Path) -> None:
    client = code(f"print({char!r} * 100_000); raise SystemExit(1)")

    told = explore(small, client, "--schedule", "recorded")

    assert told.exit_code == 1
    assert max(map(len, told.stderr.splitlines())) < 1_100
    assert "exit code 1: " in told.stderr
    assert "…" in told.stderr
    as_json = explore(small, client, "--schedule", "recorded", "--json")
    assert len(as_json.stdout) < 3_000


ASKS_ONCE = """
import os
from urllib.request import Request, urlopen
hello = b'[{"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"], "id": "1"}]'
url = os.environ["RECORDER_URL"] + "/api/v2/notifications"
urlopen(Request(url, hello, {"Content-Type": "application/json"})).read()
"""


def test_what_is_left_unplayed_fails_a_run_on_demand(small: Path) -> None:
    assert "not played" not in explore(small, code("pass")).stderr

    told = explore(small, code("pass"), "--unplayed", "fail")

    assert told.exit_code == 1
    assert "not played: triple 1" in told.stderr


@pytest.mark.parametrize("client", ["pass", ASKS_ONCE], ids=["asks for nothing", "gets no ack"])
def test_a_client_that_gets_nothing_recorded_is_no_success(client: str, small: Path, tmp_path: Path) -> None:
    told, as_json = explore(small, code(client)), explore(small, code(client), "--json")

    assert told.exit_code == as_json.exit_code == 1
    assert told.stdout == (
        "no order was tried: the client got none of the recorded answers and events\n"
        "It may talk to another server: it should use the URL of the stand-in.\n"
    )
    assert told.stderr.endswith("recorder: 1 run, seed 0\n")
    assert json.loads(as_json.stdout)["verdict"] == "nothing tried"
    assert problems("explore", json.loads(as_json.stdout)) == []
    assert list(tmp_path.glob("*.schedule.json")) == []


UNMET = "event 1.1 before ack 1"


@pytest.mark.parametrize(
    ("client", "schedule", "says"),
    [
        ("pass", UNMET, f"passes, but {UNMET} did not come about"),
        ("raise SystemExit(1)", UNMET, f"fails, but {UNMET} did not come about"),
        ("pass", f"{UNMET}; event 1.1 twice", f"passes, but {UNMET} and event 1.1 twice did not come about"),
    ],
)
def test_a_schedule_that_is_not_met_says_nothing(client: str, schedule: str, says: str, small: Path) -> None:
    told = explore(small, code(client), "--schedule", schedule)

    assert told.exit_code == int(client != "pass")  # a repaired client may wait for what was late
    assert told.stdout == f"{says}\n"
    assert f"was not met, so the run says nothing about it: {UNMET}" in told.stderr


def test_what_came_about_of_a_schedule_is_told_apart(small: Path, python: list[str]) -> None:
    told = explore(small, python, "--schedule", f"{UNMET}; event 1.1 twice")

    assert told.stdout == f"passes under {UNMET}, but event 1.1 twice did not come about\n"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--seed", "0"], "--seed is for a search"),
        (["-o", "new"], "--output is for a search"),
        (["--disturb", "poll", "--schedules", "5"], "--schedules and --disturb are for a search"),
    ],
)
def test_options_of_a_search_are_refused_where_one_order_is_played(
    options: list[str], says: str, small: Path, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"

    told = run("explore", small, "--schedule", "recorded", *options, "--", *code(f"open({str(ran)!r}, 'w')"))

    fails(2, f"{says}; --schedule plays one order, once", by=told)
    assert not ran.exists()


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        (
            "event 2.3 before event 2.1",
            "no server may send event 2.3 before event 2.1: the events of triple 2 on /v2/me/outbound keep their order",
        ),
        (
            "ack 1 before event 1.1; event 1.1 before ack 1",
            "ack 1 before event 1.1 and event 1.1 before ack 1 contradict each other",
        ),
    ],
)
def test_an_order_that_no_server_may_show_is_told_by_each_command(schedule: str, says: str, tmp_path: Path) -> None:
    page = tmp_path / "orders.html"

    played, drawn = (
        explore(CHAIN, code("pass"), "--schedule", schedule),
        run("report", CHAIN, "--schedule", schedule, "-o", page),
    )
    with recorder("replay", CHAIN, "--schedule", schedule) as served:
        pass

    assert (played.exit_code, drawn.exit_code) == (0, 0)
    assert f"recorder: {says}\n" in played.stderr
    assert f"recorder: {says}\n" in drawn.stderr
    assert f"recorder: {says}\n" in served.stderr


def test_a_command_that_hangs_is_ended_with_all_that_it_started(small: Path, tmp_path: Path) -> None:
    script = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
print(os.getpid(), child.pid, file=open(sys.argv[1], "a"), flush=True)
if len(sys.argv) > 2: time.sleep(60)
"""
    pids = tmp_path / "pids"

    hangs = explore(small, [*code(script), str(pids), "hangs"], "--schedules", "1", "--max-time", "1")
    leaves = explore(small, [*code(script), str(pids)])

    assert ("did not end" in hangs.stderr, "did not end" in leaves.stderr) == (True, False), (
        hangs.stderr + leaves.stderr
    )
    assert "it did not end within 1 s" in hangs.stderr
    until(lambda: not any(map(lives, pids.read_text(encoding="utf-8").split())), "all have ended")


def lives(pid: str) -> bool:
    """Whether a process runs; one that has ended may wait for its parent."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


def test_a_command_that_cannot_be_run_is_told_in_one_line(small: Path) -> None:
    fails(2, "no-such-program: cannot be run: No such file", by=explore(small, ["no-such-program"]))
    fails(2, "name the command to run, behind --", by=run("explore", small))
    fails(2, "'python'", by=run("explore", small, "python", "client.py"))


@pytest.mark.parametrize("program", ["", " ", "\n"])
@pytest.mark.parametrize("command", [["explore", SMALL], ["record", "http://127.0.0.1:9", "-o", "new.cassette"]])
def test_an_empty_command_is_told_as_that(command: list[str | Path], program: str) -> None:
    fails(2, "the command behind -- is empty", by=run(*command, "--", program, "argument"))


@pytest.mark.parametrize("seconds", ["inf", "1e12", "nan", "0", "-1"])
def test_a_run_takes_a_time_that_can_be_waited_for(seconds: str, small: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    told = explore(small, code(f"open({str(ran)!r}, 'w')"), "--max-time", seconds)

    fails(2, "'--max-time': ", by=told)
    assert not ran.exists()


def test_a_delay_that_is_no_number_is_refused(small: Path) -> None:
    fails(2, "'--delay': ", by=explore(small, code("pass"), "--delay", "nan"))


def test_the_schedule_of_another_cassette_is_refused(small: Path, python: list[str], tmp_path: Path) -> None:
    explore(small, [*python, "hasty"])

    fails(2, "s.cassette", by=explore(PREVIEW, python, "--schedule", schedule_file(tmp_path)))
    fails(2, "event 9.1 before ack 9", by=explore(PREVIEW, python, "--schedule", "event 9.1 before ack 9"))


def test_a_folder_that_cannot_be_written_is_told_before_the_command_is_run(small: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    told = explore(small, code(f"open({str(ran)!r}, 'w')"), "-o", small / "folder")

    fails(4, "is not a folder", by=told)
    assert not ran.exists()


@pytest.mark.parametrize(("number", "ends_with"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_ends_the_command_and_tells_how_far_it_came(
    number: int, ends_with: int, small: Path, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    script = f"import os, time; print(os.getpid(), file=open({str(pids)!r}, 'a'), flush=True); time.sleep(60)"
    command = [RECORDER, "explore", str(small), "--", *code(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: pids.exists() and pids.read_text(encoding="utf-8").endswith("\n"), "the command runs")
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (ends_with, "")
    assert number != signal.SIGINT or "0 runs so far; " in err
    assert "Traceback" not in err
    until(lambda: not lives(pids.read_text(encoding="utf-8").strip()), "it has ended")
