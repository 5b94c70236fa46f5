"""The commands people look into cassettes with: filters, many files, terminals, pagers, tabs."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.journal import Journal, create
from recorder.cli import main
from recorder.model import Note
from tests.lab.processes import RECORDER
from tests.wire import HEADER, Wire, chained, complete, done, state_event

CASSETTES = Path(__file__).parents[2] / "cassettes"
PREVIEW = CASSETTES / "preview-session.cassette"
SMALL = CASSETTES / "get-chained-record.cassette"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def written(path: Path, wire: Wire) -> Path:
    path.write_bytes(encode_header(HEADER) + b"".join(map(encode, wire.records)))
    return path


def note(seq: int) -> Note:
    return Note(seq, 0, "close", "the end")


def numbers(result: Result) -> list[int]:
    assert result.exit_code == 0, result.stderr
    return [triple["n"] for triple in json.loads(result.stdout)]


# filters


@pytest.mark.parametrize("command", ["ls", "show"])
def test_a_filter_chooses_triples(command: str) -> None:
    assert numbers(run(command, PREVIEW, "--json", "--filter", "op:Get* or n:6")) == [2, 3, 6]


def test_a_filter_knows_the_keys_of_the_dialect() -> None:
    assert numbers(run("ls", PREVIEW, "--json", "-f", "campaign:campaign1 handle:1001 -op:Update*")) == [3, 5]


def test_a_limit_counts_what_fits() -> None:
    assert numbers(run("ls", PREVIEW, "--json", "-f", "n:>2", "--limit", "2")) == [3, 4]


def test_with_all_a_filter_chooses_other_exchanges_and_unsolicited_events_too(tmp_path: Path) -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r"), done(7, "r"))
    desk.hears(state_event("Ready"), state_event("NotReady"))

    result = run("ls", written(tmp_path / "s", wire), "--all", "--json", "-f", "ready -notready")

    found = json.loads(result.stdout)
    assert (found["triples"], found["plain"], len(found["unsolicited"])) == ([], [], 1)


@pytest.mark.parametrize(
    "command",
    [["ls"], ["show"], ["explain"], ["stats"], ["timeline"], ["slice", "-o", "none"]],
    ids=lambda command: command[0],
)
def test_a_mistake_in_a_filter_is_one_line_with_its_column(command: list[str]) -> None:
    result = run(*command, PREVIEW, "--filter", "n:1 opp:x")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "recorder: filter, column 5: 'opp' is no key; did you mean 'op:'?\n"


@pytest.mark.parametrize(
    "command",
    [["ls"], ["show"], ["explain"], ["stats"], ["timeline"], ["slice", "-o", "none"]],
    ids=lambda command: command[0],
)
def test_a_filter_that_nothing_fits_ends_with_5(command: list[str]) -> None:
    result = run(*command, PREVIEW, "--filter", "handle:9")

    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (5, "", 1)


def test_explain_and_slice_and_stats_and_timeline_take_a_filter(tmp_path: Path) -> None:
    explained = run("explain", PREVIEW, "-f", "n:2..3", "--json")
    run("slice", PREVIEW, "-f", "n:2..3", "-o", tmp_path / "short")
    counted = run("stats", PREVIEW, "-f", "n:2..3", "--json")
    shown = run("timeline", PREVIEW, "-f", "n:2..3", "--json")

    assert [one["event"] for one in json.loads(explained.stdout)][:3] == ["2.1", "2.2", "3.1"]
    assert len(numbers(run("ls", tmp_path / "short", "--json"))) == 2
    assert json.loads(counted.stdout)["total"]["count"] == 2
    assert {row["n"] for row in json.loads(shown.stdout)} == {2, 3}


@pytest.mark.parametrize(
    "arguments",
    [["explain", PREVIEW], ["explain", PREVIEW, "1", "-f", "x"], ["show", PREVIEW], ["show", PREVIEW, "1", "-f", "x"],
     ["timeline", PREVIEW, "1", "-f", "x"], ["ls", PREVIEW, "--all", "--jsonl"], ["grep", "x", PREVIEW, "-c", "-l"]],
)  # fmt: skip
def test_what_makes_no_sense_together_is_refused(arguments: list[str | Path]) -> None:
    result = run(*arguments)

    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)


def test_timeline_of_a_triple_that_is_not_there() -> None:
    result = run("timeline", PREVIEW, "9")

    assert (result.exit_code, result.stderr) == (5, f"recorder: {PREVIEW}: no triple 9; it holds 1 to 6\n")


# grep, and many files


def test_grep_prints_file_number_and_triple() -> None:
    result = run("grep", "op:GetChainedRecord", SMALL, PREVIEW)

    assert re.sub(r"\d+ ms", "# ms", result.stdout).splitlines() == [
        f"{SMALL}:1: GetChainedRecord  7  123456789  s1  complete  200 in # ms  2 to +# ms",
        f"{PREVIEW}:3: GetChainedRecord  1001  desk-3  s1  complete  200 in # ms  6 to +# ms",
    ]


def test_grep_counts_and_names() -> None:
    assert run("grep", "-c", "op:GetPreviewRecord", SMALL, PREVIEW).stdout == f"{SMALL}:0\n{PREVIEW}:1\n"
    assert run("grep", "-l", "op:GetPreviewRecord", SMALL, PREVIEW).stdout == f"{PREVIEW}\n"


@pytest.mark.parametrize("how", [[], ["-c"], ["-l"], ["--json"], ["--jsonl"]])
def test_grep_that_finds_nothing_ends_with_5(how: list[str]) -> None:
    result = run("grep", *how, "handle:9", SMALL, PREVIEW)

    assert (result.exit_code, result.stderr) == (5, "recorder: 2 cassettes: nothing fits 'handle:9'\n")


@pytest.mark.parametrize(
    "command", [["ls"], ["ls", "--json"], ["ls", "--all"], ["grep", "n:1"], ["grep", "-c", "n:1"], ["stats"]]
)
def test_a_file_that_cannot_be_read_is_told_and_the_rest_goes_on(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")

    result = run(*command, SMALL, tmp_path / "text", PREVIEW)

    alone = run(*command, SMALL, PREVIEW)
    assert (result.exit_code, alone.exit_code) == (4, 0)
    assert result.stdout == alone.stdout
    assert result.stderr.splitlines()[0].startswith(f"recorder: {tmp_path / 'text'}: not a cassette")
    assert len(result.stderr.splitlines()) == 1


def test_of_several_cassettes_ls_names_each() -> None:
    result = run("ls", SMALL, PREVIEW)

    lines = result.stdout.splitlines()
    assert (lines[0], lines[3]) == (f"{SMALL}:", f"{PREVIEW}:")
    assert {row["file"] for row in json.loads(run("ls", SMALL, PREVIEW, "--json").stdout)} == {str(SMALL), str(PREVIEW)}


@pytest.mark.parametrize("command", [["ls", "--json"], ["ls"], ["ls", "--all", "--json"], ["grep", "n:1", "--json"]])
def test_what_cannot_be_read_is_no_empty_list(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")

    result = run(*command, tmp_path / "text")

    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (4, "", 1)


@pytest.mark.parametrize("command", [["ls", "--json"], ["ls"], ["grep", "n:1"], ["grep", "n:1", "--jsonl"]])
def test_a_name_of_a_file_that_is_no_utf_8_is_printed(command: list[str], tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"s-\xff")
    odd.write_bytes(SMALL.read_bytes())

    result = subprocess.run([RECORDER, *command, SMALL, odd], capture_output=True, text=True, check=True)

    assert r"s-\udcff" in result.stdout


def test_json_that_breaks_off_at_damage_is_json_all_the_same(tmp_path: Path) -> None:
    damaged = tmp_path / "s"
    damaged.write_bytes(SMALL.read_bytes())
    run("seal", damaged)
    content = bytearray(damaged.read_bytes())
    content[content.index(b"desk") if b"desk" in content else 3000] ^= 1
    damaged.write_bytes(content)

    result = run("ls", PREVIEW, damaged, "--json")

    assert result.exit_code == 4
    assert len(json.loads(result.stdout)) >= 6


@pytest.mark.parametrize("command", [["ls"], ["grep", "n:1"]])
def test_the_first_of_many_is_printed_before_the_last_is_read(command: list[str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "last")  # opening it waits until somebody writes
    files = [str(SMALL)] * 1000
    process = subprocess.Popen(
        [RECORDER, *command, *files, str(tmp_path / "last")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None

    try:
        first = process.stdout.readline()
        running = process.poll() is None
    finally:
        process.kill()
        process.communicate()

    assert str(SMALL) in first
    assert running


# tail


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = create(tmp_path / "s.cassette", HEADER)
    yield made
    made.close()


def following(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [RECORDER, "tail", "--jsonl", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_tail_tells_what_comes_and_ends_with_the_capture(journal: Journal) -> None:
    wire = Wire()
    desk = wire.desk()
    journal.append([encode(record) for record in wire.records])
    process = following(journal.path)
    assert process.stdout is not None
    post = desk.post(chained(7, "r1"))
    frame = encode(wire.records[-1])
    journal.append([frame[:20]])
    journal.append([frame[20:]])
    first = json.loads(process.stdout.readline())
    told = len(wire.records)
    desk.hears(done(7, "r1"))
    wire.ack(post)
    wire.records.append(note(len(wire.records)))
    journal.append([encode(record) for record in wire.records[told:]])

    out, err = process.communicate(timeout=30)

    rows = [json.loads(line) for line in out.splitlines()]
    assert (first["kind"], first["operation"]) == ("request", "GetChainedRecord")
    assert [(row["kind"], row.get("n")) for row in rows] == [("event", 1), ("ack", 1), ("note", None)]
    assert (process.returncode, err) == (0, "")


def test_tail_ends_when_nobody_writes_any_more(journal: Journal) -> None:
    process = following(journal.path)
    journal.close()

    out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (0, "")
    assert "no process writes this file any more" in err


def test_tail_ends_quietly_on_ctrl_c(journal: Journal) -> None:
    wire = Wire()
    wire.desk().post(complete(7, "r"))
    journal.append([encode(record) for record in wire.records])
    process = following(journal.path)
    assert process.stdout is not None
    assert process.stdout.readline()

    process.send_signal(2)

    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0


def test_tail_of_what_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello, this is no cassette")
    (tmp_path / "empty").touch()
    (tmp_path / "s").write_bytes(SMALL.read_bytes())
    run("seal", tmp_path / "s")

    text, empty, sealed = (run("tail", tmp_path / name) for name in ("text", "empty", "s"))

    assert (text.exit_code, "not a cassette" in text.stderr) == (4, True)
    assert (empty.exit_code, "no complete header yet" in empty.stderr) == (4, True)
    assert (sealed.exit_code, "is sealed" in sealed.stderr) == (2, True)


# terminals


def on_terminal(*arguments: str | Path, **env: str) -> tuple[int, str]:
    """Run it on a terminal of its own; what appeared there."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [RECORDER, *map(str, arguments)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "LESS", "COLUMNS")}
        | {"TERM": "xterm", "PAGER": "cat", "COLUMNS": "80", "LINES": "24"}
        | env,
        start_new_session=True,
    )
    os.close(follower)
    shown = b""
    try:
        while chunk := os.read(leader, 65536):
            shown += chunk
    except OSError:  # how Linux tells that the other end was closed
        pass
    os.close(leader)
    return process.wait(30), shown.decode()


INSPECTION = (
    ["ls", PREVIEW],
    ["show", PREVIEW, "3"],
    ["stats", PREVIEW],
    ["timeline", PREVIEW],
    ["grep", "n:1", PREVIEW],
)


@pytest.mark.parametrize("command", INSPECTION, ids=lambda command: command[0])
def test_colours_are_for_terminals_and_for_who_wants_them(command: list[str | Path]) -> None:
    env = {"NO_COLOR": "1"}

    assert "\x1b[" in on_terminal(*command)[1]
    assert "\x1b[" not in on_terminal(*command, **env)[1]
    assert "\x1b[" not in on_terminal(*command, TERM="dumb")[1]
    assert "\x1b[" not in run(*command).stdout


def test_colours_can_be_forced_into_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert "\x1b[" in run("ls", PREVIEW).stdout
    assert "\x1b[" not in run("ls", PREVIEW, "--json").stdout


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("command", INSPECTION[:-1], ids=lambda command: command[0])
def test_nothing_is_wider_than_the_terminal(command: list[str | Path], width: int) -> None:
    code, shown = on_terminal(*command, COLUMNS=str(width), NO_COLOR="1")

    assert code == 0
    assert max(len(line.rstrip("\r")) for line in shown.split("\n")) <= width


def test_a_terminal_has_a_pager(tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\necho paged with LESS=$LESS\ncat > {tmp_path}/paged\n")
    pager.chmod(0o755)

    _, shown = on_terminal("show", PREVIEW, "3", PAGER=str(pager))

    assert shown.split() == ["paged", "with", "LESS=FRX"]
    assert "GetChainedRecord" in (tmp_path / "paged").read_text()


@pytest.mark.parametrize("command", [["ls", "--all", "--json"], ["show", "3"], ["timeline"], ["stats"], ["tail"]])
def test_into_head_it_is_quiet(command: list[str]) -> None:
    name, *options = command
    piped = f"{RECORDER} {name} {PREVIEW} {' '.join(options)} | head -n 1"
    result = subprocess.run(["bash", "-o", "pipefail", "-c", piped], capture_output=True, text=True, check=False)

    assert (result.stderr, len(result.stdout.splitlines())) == ("", 1)


def test_show_starts_fast_and_loads_nothing_heavy() -> None:
    program = (
        "import sys; from recorder.cli import main; main(['show', sys.argv[1], '3'], standalone_mode=False);"
        "print(sorted({'mitmproxy', 'aiohttp', 'rich', 'asyncio'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program, PREVIEW], capture_output=True, text=True, check=True)

    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.once
@pytest.mark.parametrize("command", ["scan", "seal --force -o sealed.cassette", "redact --dry-run"])
def test_a_command_loads_no_client_and_no_checks_of_dialects(command: str, tmp_path: Path) -> None:
    name, *options = command.split()
    program = (
        "import sys; from recorder.cli import main; main(sys.argv[1:], standalone_mode=False);"
        "print(sorted({'ssl', 'http.client', 'email', 'recorder.dialect.mistakes.rules'} & set(sys.modules)))"
    )
    argv = [sys.executable, "-c", program, name, PREVIEW, *options]
    result = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=tmp_path)

    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.once
def test_show_starts_in_about_twice_the_time_of_a_few_libraries() -> None:
    # compiled modules are kept, as they are where it is installed
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def seconds(*command: str | Path) -> float:
        """What it costs the processor: on a busy machine the clock on the wall tells of others."""
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=env)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
        assert status == 0
        return used.ru_utime + used.ru_stime

    show = (RECORDER, "show", PREVIEW, "3")
    seconds(*show)
    libraries = (sys.executable, "-c", "import asyncio, click, email.message, http.client, msgspec, xml.dom.minidom")
    seconds(*libraries)
    loading, shown = zip(*((seconds(*libraries), seconds(*show)) for _ in range(7)), strict=True)

    # 1.6 to 1.8 times; a bare Python is no measure, as a busy machine makes loading modules dearer than all else.
    # The least of each, as others on the machine only add to it
    assert min(shown) < 2.1 * min(loading)


# completion


def completed(words: str, incomplete: str) -> list[str]:
    shell = ShellComplete(main, {}, "recorder", "_RECORDER_COMPLETE")
    return [item.value for item in shell.get_completions(words.split(), incomplete)]


def test_a_tab_completes_cassettes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.cassette").touch()
    (tmp_path / "b.txt").touch()
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "c.cassette").touch()

    assert completed("ls", "") == ["a.cassette", "dir/"]
    assert completed("ls", "dir/") == ["dir/c.cassette"]
    assert completed("show", "a") == ["a.cassette"]
    assert completed("show", str(tmp_path / "a")) == [str(tmp_path / "a.cassette")]
    assert completed("ls", "nowhere/") == []


def test_a_tab_completes_operations_of_the_cassette_before(tmp_path: Path) -> None:
    assert completed(f"ls {PREVIEW} --filter", "op:Get") == ["op:GetChainedRecord", "op:GetPreviewRecord"]
    assert completed(f"ls {PREVIEW} --filter", "n:1 -op:Up") == ["n:1 -op:UpdateRecord"]
    assert completed(f"slice {PREVIEW} --operation", "Get") == ["GetChainedRecord", "GetPreviewRecord"]
    (tmp_path / "text").write_text("hello")
    assert completed(f"slice {tmp_path / 'text'} --operation", "Get") == []


def test_for_grep_a_tab_completes_operations_of_the_cassettes_that_lie_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASSETTES)

    assert completed("ls --filter", "n:1 op:Com") == ["n:1 op:CompleteRecord"]


def test_a_tab_completes_keys_and_states_of_a_filter() -> None:
    assert completed(f"ls {PREVIEW} --filter", "ha") == ["handle:"]
    assert completed(f"ls {PREVIEW} --filter", "n:1 state:f") == ["n:1 state:failed"]
    assert completed(f"ls {PREVIEW} --filter", "handle:1") == []


def test_a_tab_completes_dialects_and_policies() -> None:
    assert completed(f"ls {PREVIEW} --dialect", "gws") == ["gws-outbound"]
    assert completed("scan --policy", "g") == ["gws"]
    assert completed("scan --policy", "x.to") == ["x.to"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    result = run("completion", shell)

    assert result.exit_code == 0
    assert f"_RECORDER_COMPLETE={shell}_complete" in result.stdout


@pytest.mark.once
def test_bash_takes_the_script_and_completes() -> None:
    script = (
        f'PATH="{Path(RECORDER).parent}:$PATH"; eval "$(recorder completion bash)"; '
        "COMP_WORDS=(recorder tim); COMP_CWORD=1; _recorder_completion recorder; echo ${COMPREPLY[@]}"
    )
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)

    assert result.stdout.split() == ["timeline"]


def test_completion_of_another_shell_is_refused() -> None:
    assert run("completion", "tcsh").exit_code == 2
