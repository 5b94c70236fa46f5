"""Every writing command leaves the old file or the whole new one, whatever happens while it writes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

import click
import pytest
from click.testing import CliRunner, Result

from recorder.cassette.reader import read
from recorder.cassette.writer import WATCH
from recorder.cli import main
from recorder.cli.options import OutputFile
from recorder.output import replacing
from recorder.temporary import temporary
from tests.integration.faulty import WRITES, Shared, install
from tests.integration.outputs import COMMANDS, OTHERS, READERS, RECORDINGS, ROOT
from tests.lab.processes import RECORDER, recorder

PREVIEW = ROOT / "cassettes/preview-session.cassette"


def _leaves(group: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    if not isinstance(group, click.Group):
        yield name, group
        return
    context = click.Context(group)
    for each in group.list_commands(context):
        found = group.get_command(context, each)
        assert found is not None
        yield from _leaves(found, f"{name} {each}".strip())


def _words(name: str) -> set[str]:
    return {line for table in (COMMANDS, RECORDINGS) for line in table.values() if f"{line} ".startswith(f"{name} ")}


def test_each_command_and_each_option_that_writes_a_file_is_tried_with_faults() -> None:
    lines = [*COMMANDS.values(), *RECORDINGS.values(), *READERS.values()]
    untried = []
    for name, command in _leaves(main):
        if name not in OTHERS and not any(f"{line} ".startswith(f"{name} ") for line in lines):
            untried.append(name)
        for option in command.params:
            writes = isinstance(option, click.Option) and (
                isinstance(option.type, OutputFile) or option.name in ("output", "key_file", "ca_dir")
            )
            if writes and name not in OTHERS and not any(set(option.opts) & set(line.split()) for line in _words(name)):
                untried.append(f"{name} {option.opts[-1]}")

    assert untried == []
    assert [name for name in OTHERS if name not in dict(_leaves(main))] == []


@pytest.mark.once
@pytest.mark.parametrize(
    ("table", "count"), [(COMMANDS, 5), (READERS, 5), (RECORDINGS, 2)], ids=["commands", "readers", "recordings"]
)
def test_a_command_leaves_the_old_file_or_the_whole_new_one(table: dict[str, str], count: int) -> None:
    """Draw some commands and faults: `python -m tests.integration.outputs` tries all, and takes half an hour."""
    names, seed = random.sample(sorted(table), count), str(random.randrange(1000))  # by the seed of the run
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.outputs", *names, "--sample", "2", "--seed", seed],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["name"] for one in found] == names, done.stderr
    assert {one["name"]: one["wrong"] for one in found if one["wrong"]} == {}, seed


def test_faults_reach_each_write_of_this_process_that_the_kernel_counts(tmp_path: Path) -> None:
    shared, child = Shared(), os.fork()
    if not child:
        install(tmp_path, shared)
        before = _written()
        (tmp_path / "path").write_bytes(b"x" * 100_000)
        with open(tmp_path / "open", "w") as text, TemporaryFile(dir=tmp_path) as unnamed:  # noqa: PTH123
            text.write("y" * 100_000)
            unnamed.write(b"z" * 100_000)
        with replacing(tmp_path / "out") as file:
            file.write(b"x" * 100_000)
        with temporary(tmp_path) as spilled:
            spilled.write(b"x" * 100_000)
        shared[9] = _written() - before
        os._exit(0)
    _, status = os.waitpid(child, 0)

    assert status == 0
    assert shared[WRITES] == shared[9] >= 5


def _written() -> int:
    """Calls of write() of this process so far, as the kernel counts them."""
    return int(dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())["syscw"])


@pytest.fixture
def upstream() -> Iterator[str]:
    """A server that takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


# A recorder whose file is taken away


def deleted(path: Path) -> None:
    path.unlink()


def moved(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def replaced(path: Path) -> None:
    path.with_name("other").write_bytes(b"another file")
    path.with_name("other").replace(path)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"not of the recorder")


def lost_folder(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (deleted, "was deleted or moved"),
        (moved, "was deleted or moved"),
        (lost_folder, "was deleted or moved"),
        (replaced, "was replaced by another file"),
        (emptied, "was changed by another process"),
        (appended, "was changed by another process"),
    ],
)
def test_a_recorder_whose_file_is_taken_away_says_so_within_a_second(
    act: Callable[[Path], None], words: str, upstream: str, tmp_path: Path
) -> None:
    path = tmp_path / "folder" / "s.cassette"
    with recorder("record", upstream, "-o", path) as server:
        act(path)
        began = time.monotonic()
        server.process.wait(20)
        took = time.monotonic() - began

    assert WATCH <= 0.5
    assert took < 10  # half a second, and the end of the process on a machine that is busy with other tests
    assert server.code == 4
    assert f"{path}: {words} while it was recorded" in server.stderr


# Signals, disks, streams


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", line], env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60
    )


def run(*words: str | Path) -> Result:
    """Run a command in this process, where that of its own would show no more."""
    return CliRunner().invoke(main, list(map(str, words)))


may_warn = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # as mitmproxy does when `record` imports it


def ended_by(process: subprocess.Popen[str], number: signal.Signals) -> int:
    """The exit code of a process that waits in a system call.

    A signal between Python's last look for one and that call is not acted on before the call ends, so it is sent again.
    """
    for _ in range(5):
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            return process.wait(4)
    process.kill()
    return process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_the_old_file_and_no_other(number: signal.Signals, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "wait")
    (tmp_path / "out").write_bytes(b"precious")
    script = f"""
import os, sys
from recorder import output
from recorder.cli import main
real = os.fsync
def fsync(descriptor):
    print("here", flush=True)
    open({str(tmp_path / "wait")!r})
os.fsync = fsync
main(sys.argv[1:])
"""
    words = ["merge", str(PREVIEW), "-o", str(tmp_path / "out"), "--force"]
    with subprocess.Popen([sys.executable, "-c", script, *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        code = ended_by(process, number)

    assert code == 128 + number
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "wait"]
    assert (tmp_path / "out").read_bytes() == b"precious"


@pytest.mark.parametrize(
    "words",
    ["ls", "show 1", "convert --to har", "stats --json", "timeline", "textconv", "grep Campaign1", "doctor"],
)
def test_a_full_stdout_is_told_in_one_line(words: str, tmp_path: Path) -> None:
    name, *options = words.split()
    arguments = [*options, PREVIEW] if name == "grep" else [PREVIEW, *options]

    done = shell(f"{RECORDER} {name} {' '.join(map(str, arguments))} > /dev/full")

    assert done.stderr in ("recorder: stdout: No space left on device\n", "")
    assert done.returncode == (4 if done.stderr else done.returncode)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", ["--help", "ls --help", "--version", "policy show", "dialect ls"])
def test_a_full_stdout_is_told_by_every_way_out(words: str) -> None:
    done = shell(f"{RECORDER} {words} > /dev/full")

    assert (done.returncode, done.stderr) == (4, "recorder: stdout: No space left on device\n")


@pytest.mark.parametrize("words", ["ls IN", "convert IN --to har", "show IN 1", "stats IN", "doctor IN", "diff IN IN"])
def test_a_file_that_stdout_is_appended_to_is_not_read(words: str, tmp_path: Path) -> None:
    there = tmp_path / "in.cassette"
    there.write_bytes(PREVIEW.read_bytes())

    done = shell(f"{RECORDER} {words.replace('IN', str(there))} >> {there}")

    assert done.returncode == 2
    assert "stdout is redirected into this file" in done.stderr
    assert there.read_bytes() == PREVIEW.read_bytes()


@pytest.mark.parametrize("folder", ["/nowhere/at/all", "/proc"])
@pytest.mark.parametrize(
    "command", ["seal IN -o OUT", "seal IN -o OUT --archive", "redact IN -o OUT", "report IN -o OUT"]
)
def test_a_folder_for_temporary_files_that_is_full_or_gone_does_not_matter(
    command: str, folder: str, tmp_path: Path
) -> None:
    line = command.replace("IN", str(PREVIEW)).replace("OUT", str(tmp_path / "out"))

    done = shell(f"{RECORDER} {line}", TMPDIR=folder)

    assert (done.returncode, (tmp_path / "out").exists()) == (0, True), done.stderr


@pytest.mark.parametrize(
    "command",
    ["convert IN --to har -o OUT", "merge IN -o OUT", "seal IN -o OUT", "report IN -o OUT", "redact IN -o OUT",
     "recover IN -o OUT", "slice IN --triples 1 -o OUT", "recorrelate IN --rules gws-outbound -o OUT",
     "diff IN OTHER --html OUT"],
)  # fmt: skip
@pytest.mark.parametrize(("mode", "wanted"), [(0o600, 0o600), (0o640, 0o640), (0o644, 0o644), (0o400, 0o600)])
def test_nobody_may_read_an_output_who_may_not_read_the_input(
    command: str, mode: int, wanted: int, tmp_path: Path
) -> None:
    there, other, out = (tmp_path / name for name in ("in.cassette", "other.cassette", "out"))
    assert run("redact", PREVIEW, "-o", there).exit_code == 0
    shutil.copy(there, other)
    there.chmod(mode)
    before = os.umask(0o022)  # that of most users
    try:
        done = run(*command.replace("IN", str(there)).replace("OTHER", str(other)).replace("OUT", str(out)).split())
    finally:
        os.umask(before)

    assert oct(out.stat().st_mode & 0o777) == oct(wanted), done.stderr


@pytest.mark.parametrize("command", ["convert IN --to har -o OUT", "merge IN -o OUT", "seal IN -o OUT"])
def test_what_is_made_of_a_recording_in_the_clear_is_for_its_owner_alone(
    command: str, upstream: str, tmp_path: Path
) -> None:
    there = tmp_path / "in.cassette"
    with recorder("record", upstream, "-o", there, "--no-redaction"):
        pass
    assert oct(there.stat().st_mode & 0o777) == "0o600"
    there.chmod(0o644)

    shell(f"umask 022; {RECORDER} {command}".replace("IN", str(there)).replace("OUT", str(tmp_path / "out")))

    assert read(there).header.redaction == "none"
    assert oct((tmp_path / "out").stat().st_mode & 0o777) == "0o600"


@may_warn
@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("recorrelate IN --rules ./mine.toml -o ./mine.toml", "mine.toml"),
        ("seal IN --dialect ./mine.toml -o ./mine.toml", "mine.toml"),
        ("redact IN --redaction-key-file key -o key", "key"),
        ("redact IN --policy ./policy.toml -o ./policy.toml", "policy.toml"),
        ("convert IN --to jsonl --dialect ./mine.toml -o ./mine.toml", "mine.toml"),
        ("diff IN IN --policy ./policy.toml --html ./policy.toml", "policy.toml"),
        ("record http://localhost:1 --policy ./policy.toml -o ./policy.toml", "policy.toml"),
        ("record http://localhost:1 --redaction-key-file key -o key", "key"),
    ],
)
def test_settings_that_a_command_reads_are_not_written_over(
    command: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"mine.toml": ["dialect", "show", "gws-outbound"], "policy.toml": ["policy", "show", "gws"]}
    for file, words in texts.items():
        (tmp_path / file).write_bytes(run(*words).stdout_bytes)
    (tmp_path / "key").write_bytes(b"k" * 32)
    (tmp_path / "key").chmod(0o600)
    before = (tmp_path / name).read_bytes()
    monkeypatch.chdir(tmp_path)

    done = run(*command.replace("IN", str(PREVIEW)).split(), "--force")

    assert done.exit_code == 2, done.stderr
    assert "reads this file" in done.stderr
    assert (tmp_path / name).read_bytes() == before


# Names that lead elsewhere than they seem to


@pytest.mark.parametrize("spelling", ["nosuch/../IN", "IN/../IN", "./nosuch/../nosuch/../IN"])
@pytest.mark.parametrize(
    "command", ["convert IN --to har", "merge IN", "seal IN", "redact IN", "report IN", "recover IN"]
)
def test_an_input_is_found_behind_folders_that_are_missing(
    spelling: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").write_bytes(PREVIEW.read_bytes())
    monkeypatch.chdir(tmp_path)

    done = run(*f"{command} -o {spelling} --force".replace("IN", "in").split())

    assert done.exit_code == 2, done.stderr
    assert "reads this file" in done.stderr
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("in", PREVIEW.read_bytes())]


def test_a_file_that_was_deleted_has_no_name(tmp_path: Path) -> None:
    line = f"cd {tmp_path}; exec 7<>gone; rm gone; {RECORDER} convert {PREVIEW} --to har -o /proc/self/fd/7 --force"

    done = shell(line)

    assert (done.returncode, list(tmp_path.iterdir())) == (2, []), done.stderr


@may_warn
@pytest.mark.parametrize("command", ["redact IN", "import IN", "record http://localhost:1"])
@pytest.mark.parametrize("link", [False, True])
def test_a_key_file_that_is_to_be_made_is_no_output(
    command: str, link: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = "link" if link else "key"
    if link:
        (tmp_path / "link").symlink_to("key")
    monkeypatch.chdir(tmp_path)

    done = run(*f"{command} --redaction-key-file key -o {output} --force".replace("IN", str(PREVIEW)).split())

    assert done.exit_code == 2, done.stderr
    assert "reads this file" in done.stderr
    assert not (tmp_path / "key").exists()


@pytest.mark.parametrize("stream", ["2>>", ">>"])
def test_a_file_that_a_stream_is_appended_to_is_not_read(stream: str, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(PREVIEW.read_bytes())

    done = shell(f"cd {tmp_path}; {RECORDER} convert in --to har -o out {stream} in")

    assert done.returncode == 2
    assert not (tmp_path / "out").exists()


# Streams that are closed


@pytest.mark.parametrize("words", ["ls IN", "convert IN --to har", "ls --help", "policy show"])
def test_a_closed_stdout_is_told_in_one_line(words: str) -> None:
    done = shell(f"{RECORDER} {words.replace('IN', str(PREVIEW))} >&-")

    assert (done.returncode, done.stderr) == (4, "recorder: stdout: Bad file descriptor\n")


def test_a_command_that_prints_nothing_needs_no_stdout(tmp_path: Path) -> None:
    done = shell(f"{RECORDER} seal {PREVIEW} -o {tmp_path / 'out'} >&-")

    assert (done.returncode, (tmp_path / "out").is_file()) == (0, True), done.stderr


@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full"])
def test_the_exit_code_does_not_depend_on_stderr(stream: str, upstream: str, tmp_path: Path) -> None:
    lines = [
        f"{RECORDER} seal {PREVIEW} -o {tmp_path / 'out'}",
        f"{RECORDER} ls {tmp_path / 'nosuch'}",
        f"{RECORDER} record {upstream} -o {tmp_path / 'rec'} -- true",
    ]

    assert [shell(f"{line} {stream}").returncode for line in lines] == [0, 2, 0]


def test_the_exit_code_of_a_program_that_a_signal_ended_is_that_of_shells(upstream: str, tmp_path: Path) -> None:
    done = shell(f"{RECORDER} record {upstream} -o {tmp_path / 'rec'} -- sh -c 'kill -9 $$'")

    assert done.returncode == 137, done.stderr


@pytest.mark.parametrize("words", ["import pipe -o out", "tail pipe", "ls pipe", "doctor pipe", "seal pipe -o out"])
def test_a_pipe_is_not_waited_for(words: str, tmp_path: Path) -> None:
    done = shell(f"cd {tmp_path}; mkfifo pipe; timeout 10 {RECORDER} {words}")

    assert done.returncode == 4, done.stderr


_ASKS = """
import os, urllib.error, urllib.request
for _ in range(40):
    try:
        urllib.request.urlopen(os.environ["RECORDER_URL"] + "/" + "y" * 500)
    except urllib.error.HTTPError:
        pass
"""


def test_a_new_part_replaces_no_file_that_is_no_cassette(tmp_path: Path) -> None:
    (tmp_path / "s-2").write_bytes(b"k" * 32)
    (tmp_path / "s-3").symlink_to("nowhere")
    with recorder("replay", PREVIEW) as server:
        host = server.url.removeprefix("http://")
        (tmp_path / "asks.py").write_text(_ASKS)
        asks = f"{sys.executable} asks.py"
        done = shell(f"cd {tmp_path}; {RECORDER} record http://{host} -o s --force --max-size 2K -- {asks}")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "s-2").read_bytes() == b"k" * 32
    assert (tmp_path / "s-3").is_symlink()
    assert read(tmp_path / "s-4").records
