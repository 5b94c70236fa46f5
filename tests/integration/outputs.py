"""Run writing commands again and again, each time with another fault in the functions of `os` that files go through.

    python -m tests.integration.outputs [NAME]... [--sample N] [--seed N]

Each command is run with each fault (tests/integration/faulty.py) at each call until one run passes untouched. The line
of a command counts its runs, and names what went wrong; exit code 1 if anything did. Each run is a fork of a process
that has imported all there is, so that a killed one is cheap. `--sample` tries so many faults of each kind, each at one
call, drawn by the seed. Without names all commands are tried.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.serialization import load_pem_private_key

import recorder
from recorder.cassette.reader import open_cassette
from recorder.cli import main
from recorder.diagnose import doctor
from recorder.dialect import definition
from recorder.errors import CassetteError
from recorder.output import leftovers
from tests.integration import faulty
from tests.integration.faulty import APPENDED, FAULTS, HIT, OPENS, Fault, Shared

ROOT = Path(__file__).parents[2]
PREVIEW, CALL = ROOT / "cassettes/preview-session.cassette", ROOT / "cassettes/get-chained-record.cassette"
OLDER = ROOT / "tests/vectors/v1/records.cassette"
assert recorder.__version__  # nobody may not read where it is kept: each fork has it from here

COMMANDS = {
    "convert --to har": "convert in --to har -o out --force",
    "convert --to jsonl": "convert in --to jsonl -o out --force",
    "convert --to mermaid": "convert in --to mermaid -o out --force",
    "convert --to perfetto": "convert in --to perfetto -o out --force",
    "convert --to curl": "convert in --to curl -o out --force",
    "convert --to pytest": "convert in --to pytest -o out --force",
    "report": "report in -o out --force",
    "diff --html": "diff in two --html out --force",
    "slice": "slice in --triples 1-2 -o out --force",
    "edit --to": "edit in --to out --force",
    "edit --from": "edit --from text -o out --force",
    "merge": "merge in two -o out --force",
    "recover": "recover in -o out --force",
    "redact": "redact in -o out --force",
    "redact, in place": "redact out --force",
    "redact, a new key": "redact in -o out --redaction-key-file new.key --force",
    "seal -o": "seal in -o out --force",
    "seal --archive": "seal in --archive -o out --force",
    "seal, in place": "seal out",
    "recorrelate -o": "recorrelate in --rules gws-outbound -o out --force",
    "recorrelate, in place": "recorrelate out --rules gws-outbound",
    "import": "import har -o out --force",
    "import, a new key": "import har -o out --redaction-key-file new.key --force",
    "migrate": "migrate old -o out --force",
    "migrate, a copy": "migrate in -o out --force",
    "dialect suggest": "dialect suggest in -o out --force --yes",
    "ca": "ca -o out --ca-dir ca --force",
    "ca, a new one": "ca -o out --ca-dir new/ca --force",
    "convert, a new file": "convert in --to har -o new/folder/out",
    "merge, a new file": "merge in two -o new/folder/out",
}
RECORDINGS = {
    "record": "record URL -o out --force --ca-dir ca",
    "record --seal": "record URL -o out --force --ca-dir ca --seal",
    "record --max-size": "record URL -o out --force --ca-dir ca --max-size 2K",
    "record +FILE": "record URL -o +in --ca-dir ca",
    "record --fsync always": "record URL -o out --force --ca-dir ca --fsync always",
    "record, a new key": "record URL -o new/folder/out --ca-dir ca --redaction-key-file new.key",
}
# they write no file themselves, but read and print
READERS = {
    "diff": "diff in two",
    "diff --json": "diff in two --json",
    "doctor": "doctor in",
    "drive --dry-run": "drive in --dry-run",
    "load --dry-run": "load in --dry-run",
    "explain": "explain in 1",
    "grep": "grep Campaign1 in",
    "ls": "ls in",
    "scan": "scan in",
    "show": "show in 1",
    "stats": "stats in",
    "textconv": "textconv in",
    "timeline": "timeline in",
    "ls, sealed": "ls sealed",
    "stats, sealed": "stats sealed",
    "doctor, sealed": "doctor sealed",
    "scan, sealed": "scan sealed",
    "dialect check": "dialect check mine.toml",
    "policy check": "policy check policy.toml",
}
# commands that neither write nor read a cassette, or that are tried under another name
OTHERS = {
    "addon": "prints a path",
    "catalogue build": "writes a folder, swapped as a whole: tests/fleet/catalogue",
    "catalogue show": "prints the counts of a catalogue",
    "completion": "prints a script",
    "demo": "runs `recorder record`, which writes",
    "dialect ls": "prints what is shipped",
    "dialect show": "prints what is shipped",
    "drive": "drives a server; its cassette is written by what writes that of `recorder record`",
    "explore": "runs a command again and again; its file is written as any output",
    "help": "prints a help",
    "load": "starts Locust, which writes its own files",
    "policy ls": "prints what is shipped",
    "policy show": "prints what is shipped",
    "query": "writes as `convert` does, and reads no cassette: tests/cli/test_query.py",
    "replay": "serves; what it reads, `ls` reads",
    "store check": "prints what a store lacks",
    "store pull": "writes as `recover` does; its cache is killed and filled in tests/fleet/suite",
    "store push": "uploads; its lock file is written as any output",
    "tail": "follows a file until a signal; what it reads, `ls` reads",
    "view": "serves; what it reads, `ls` and `report` read",
    "verify": "drives as `drive` does; its files are written as those of `diff --html`",
}
_PEM = b"-----BEGIN CERTIFICATE-----"
_DONE = (0, 1)  # exit codes: 1 is that of `diff` that found differences
_ASKS = """
import os, socket
host, _, port = os.environ["RECORDER_URL"].rpartition("/")[2].partition(":")
for number in range(4):
    try:
        with socket.create_connection((host, int(port)), 5) as one:
            one.sendall(f"GET /{number}{'y' * 900} HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n".encode())
            while one.recv(65536):
                pass
    except OSError:
        pass
"""


@dataclass
class Trial:
    """One command and its folder, and what came of its runs.

    Attributes:
        words: The command line.
        folder: Holds `in`, `two` and `har`, which the command reads, and `out`, the old file.
        output: The file that the command writes.
        shared: What the last run counted.
        files: Contents of the folder before each run.
        new: The output of an undisturbed run.
        runs: How many runs of each kind left the old file, or a whole new one.
        wrong: Each broken promise.
    """

    words: list[str]
    folder: Path
    output: Path
    files: dict[str, bytes]
    shared: Shared = field(default_factory=Shared)
    new: bytes = b""
    runs: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def old(self) -> bytes | None:
        return self.files.get(self.output.name) if self.output.parent == self.folder else None

    def is_kept(self) -> bool:
        """Return whether the output is the old file, or the whole new one."""
        if not self.output.exists():
            return self.old is None
        return self.output.read_bytes() == self.old or whole(self.output, self.new)

    def prepare(self) -> None:
        """Fill the folder as it was before the first run."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.folder.chmod(0o755)
        for name, content in self.files.items():
            there = self.folder / name
            there.parent.mkdir(exist_ok=True)
            there.write_bytes(content)
            there.chmod(0o600 if name.startswith("ca/") else 0o644)

    def run(
        self, fault: Fault | None = None, at: int = 0, words: list[str] | None = None, first: Callable[[], object] = int
    ) -> tuple[int, str]:
        """Run the command in a fork; return its exit code (negative: a signal) and its last line on stderr."""
        log = self.folder.with_suffix(".log")
        self.shared.clear()
        child = os.fork()
        if not child:

            def before() -> None:
                faulty.install(self.folder, self.shared, fault, at)
                first()

            _child(words or self.words, self.folder, log, before)
        _, status = os.waitpid(child, 0)
        text = log.read_text(errors="replace")
        lines = text.strip().splitlines()
        if "Traceback" in text:
            return 99, " / ".join(lines[-3:])
        return os.waitstatus_to_exitcode(status), lines[-1] if lines else ""


def _child(words: list[str], folder: Path, log: Path, before: Callable[[], None]) -> NoReturn:
    os.chdir(folder)
    out, quiet = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), os.open(os.devnull, os.O_WRONLY)
    os.dup2(out, 2)
    os.dup2(quiet, 1)
    code = 99
    try:
        tempfile.tempdir = str(folder)
        before()
        main.main(words, prog_name="recorder")
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else 0
    except BaseException as exc:  # noqa: BLE001  # a traceback is a fault of the command
        os.write(2, f"traceback: {exc!r}".encode())
    sys.stderr.flush()
    os._exit(code)


def whole(path: Path, like: bytes) -> bool:
    """Return whether a file is a whole new one: equal to that of an undisturbed run, or a cassette without damage.

    Two cassettes of one command may differ, in pseudonyms under another key and in the time of their making.
    """
    content = path.read_bytes()
    if content == like:
        return True
    if like.startswith(_PEM):
        return content.startswith(_PEM) and content.endswith(b"-----END CERTIFICATE-----\n")
    with tempfile.NamedTemporaryFile() as other:
        Path(other.name).write_bytes(like)
        return _records(path) == _records(Path(other.name)) > 0


def _records(path: Path) -> int:
    """Return the number of records of a cassette without damage, else 0."""
    try:
        with open_cassette(path) as cassette:
            if cassette.header.profile != "journal":
                cassette.verify()
            count = sum(1 for _ in cassette.records())
            return count if cassette.torn is None else 0
    except CassetteError:
        return 0


def check(  # noqa: PLR0917  # two of them are what `run` returns
    trial: Trial, fault: Fault | None, at: int, code: int, line: str, kind: str = ""
) -> None:
    """Hold one run to the promise: the old file or the whole new one, and one line on what went wrong."""
    output, folder, kind = trial.output, trial.folder, kind or (fault.kind if fault else "")
    is_old = output.read_bytes() == trial.old if output.exists() else trial.old is None
    trial.runs[f"{kind}: {'old' if is_old else 'new'}"] += 1
    problems = []
    if not is_old and not whole(output, trial.new):
        problems.append("the output is neither the old nor the new file")
    problems += [f"{n} changed" for n, c in trial.files.items() if n != "out" and (folder / n).read_bytes() != c]
    left = [path for place in _places(trial) for path in leftovers(place)]
    if code == -signal.SIGKILL or (fault is not None and fault.lasting):
        beside = output.parent / "beside"
        if left and beside.write_bytes(trial.files["in"]) and not _told_by_doctor(beside, left):
            problems.append(f"doctor does not tell of {left}")
    elif left:
        problems.append(f"left {left}")
    if code in _DONE and is_old and trial.new != trial.old:
        problems.append("success is told, and the output is the old file")
    if code not in (*_DONE, -signal.SIGKILL) and (code not in (2, 4) or not line.startswith("recorder: ")):
        problems.append("the fault is not told in one line")
    if fault is not None and code == -signal.SIGKILL and not problems:
        problems += _again(trial)
    trial.wrong += [f"{kind} {at}: {problem} (exit {code}: {line})" for problem in problems]


def _places(trial: Trial) -> Iterator[Path]:
    """Yield the folders in which the command makes files."""
    for place in {trial.output.parent, trial.folder, trial.folder / "ca", trial.folder / "new/ca"}:
        if place.is_dir():
            yield place


def _again(trial: Trial) -> Iterator[str]:
    """Run the command once more after a killed one, with no fault."""
    if trial.output.exists() and "--force" not in trial.words:
        return  # it did its work
    code, line = trial.run()
    if code not in _DONE or not whole(trial.output, trial.new):
        yield f"the next run fails: exit {code}: {line}"


def _told_by_doctor(cassette: Path, left: list[Path]) -> bool:
    told = {finding.where for finding in doctor.examine(cassette) if finding.kind == "leftover"}
    return {str(path) for path in left if path.parent == cassette.parent} <= told


def chosen(
    trial: Trial, faults: Sequence[Fault], sample: random.Random | None, count: int
) -> Iterator[tuple[Fault, int]]:
    """Yield faults, each with the calls at which it is tried: all, until one run has passed untouched, or a sample.

    The caller runs the trial with each before it asks for the next.
    """
    if sample is None:
        for fault in faults:
            at = 1
            yield fault, at
            while trial.shared[HIT]:
                at += 1
                yield fault, at
        return
    calls: dict[tuple[str, ...], int] = {}
    for _ in range(count):
        fault = sample.choice(faults)
        if fault.names not in calls:
            trial.prepare()
            trial.run(Fault("none", _unchanged, fault.names))
            calls[fault.names] = trial.shared[faulty.CALLS]
        if calls[fault.names]:
            yield fault, sample.randint(1, calls[fault.names])


def _unchanged(_: str, real: Callable[..., object], *arguments: object, **options: object) -> object:
    return real(*arguments, **options)


def faults(trial: Trial, sample: random.Random | None = None, count: int = 0) -> None:
    """Run a command with each fault at each call, or at a sample of `count` calls."""
    for fault, at in chosen(trial, FAULTS, sample, count):
        trial.prepare()
        code, line = trial.run(fault, at)
        if hit := trial.shared[HIT]:
            check(trial, fault, at, code, line)
        trial.shared[HIT] = hit  # the check may run the command again


# Recordings


def recorded(trial: Trial, url: str, sample: random.Random | None = None, count: int = 0) -> None:
    """Record four exchanges with each fault at each call."""
    trial.words = [url if word == "URL" else word for word in trial.words]
    trial.words += ["--", sys.executable, "-S", "-E", "asks.py"]
    for fault, at in chosen(trial, FAULTS, sample, count):
        trial.prepare()
        code, line = trial.run(fault, at)
        if hit := trial.shared[HIT]:
            check_recording(trial, fault, at, code, line)
        trial.shared[HIT] = hit


def check_recording(trial: Trial, fault: Fault, at: int, code: int, line: str) -> None:
    """Hold a recording to the promise: what was written can be read, and a loss is told."""
    output, problems = trial.folder / trial.output.name.removeprefix("+"), []
    if trial.output.parent != trial.folder:
        output = trial.output
    old = trial.files.get(output.name)
    parts = [path for path in output.parent.glob(f"{output.name}*") if path.name != "out-old"]
    is_old = parts == [output] and output.read_bytes() == old
    trial.runs[f"{fault.kind}: {'old' if is_old or not parts else 'recorded'}"] += 1
    found = 0
    for path in parts if not is_old else ():
        try:
            with open_cassette(path) as cassette:
                found += sum(1 for _ in cassette.records())
                if cassette.torn and code != -signal.SIGKILL:
                    problems.append(f"{path.name} is torn")
        except CassetteError as exc:
            problems.append(f"{path.name} cannot be read: {exc}")
    told = re.search(r"(\d+) records are safe", line)
    if told and found < int(told[1]):
        problems.append(f"{told[1]} records were said to be safe, {found} are there")
    if code == 0 and not found:
        problems.append("success is told, and nothing was recorded")
    if code == -signal.SIGKILL and not is_old and "--seal" not in trial.words:
        begun = leftovers(output.parent)  # a part that has its header and not yet its name
        size = sum(path.stat().st_size for path in (*parts, *begun))
        if size < trial.shared[APPENDED] - _KEYS:
            problems.append(f"{trial.shared[APPENDED]} bytes were written, {size} are there")
    if code not in (0, -signal.SIGKILL) and (code not in (2, 4) or not line.startswith("recorder: ")):
        problems.append("the fault is not told in one line")
    left = [path for place in _places(trial) for path in leftovers(place)]
    if left and code != -signal.SIGKILL and not fault.lasting:
        problems.append(f"left {left}")
    if code == -signal.SIGKILL and at % 4 == 0:  # it takes half a second
        code, line = trial.run()
        if code != 0 and "exists already" not in line:
            problems.append(f"the next run fails: {line}")
    trial.wrong += [f"{fault.kind} {at}: {problem} (exit {code}: {line})" for problem in problems]


_KEYS = 4096  # bytes of the other files that a recording writes: a key, its header again


class _Answers(BaseHTTPRequestHandler):
    """Answers all with a little JSON."""

    def do_GET(self) -> None:
        body = json.dumps({"statusCode": 0, "path": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base's
        """Say nothing."""


def upstream() -> tuple[int, str]:
    """Start a server in a process of its own, before there are threads; return the process and the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    child = os.fork()
    if not child:
        server.serve_forever()
    server.server_close()
    return child, f"http://127.0.0.1:{server.server_port}"


# Reading


def readings(trial: Trial, sample: random.Random | None = None, count: int = 0) -> None:
    """Run a command while the files that it reads cannot be read, become shorter, or are replaced."""

    def shrink() -> None:
        for name in ("in", "sealed", "har", "out"):
            os.truncate(trial.folder / name, (trial.folder / name).stat().st_size // 2)

    def replace() -> None:
        for name in ("in", "sealed", "har"):
            (trial.folder / "other").write_bytes(b"something else" * 99)
            os.replace(trial.folder / "other", trial.folder / name)  # noqa: PTH105  # the real one, see faulty.py

    ways = (faulty.UNREADABLE, faulty.changing("shorter", shrink), faulty.changing("replaced", replace))
    for fault, at in chosen(trial, ways, sample, count):
        trial.prepare()
        code, line = trial.run(fault, at)
        if not trial.shared[HIT] or (code == 2 and "check" in trial.words):  # a verdict, which is printed on stdout
            continue
        trial.runs[f"{fault.kind}: exit {code}"] += 1
        problems = []
        if code not in (0, 1, 2, 4, 5, 7):
            problems.append("it crashes")
        if code in (2, 4) and (not line.startswith("recorder: ") or "stdout" in line):
            problems.append("the fault is not told in one line that names the file")
        if fault is faulty.UNREADABLE and not trial.shared[OPENS] and ": cannot be written" in line:
            problems.append("an input that cannot be read is called an output")
        if code in (2, 4) and fault is faulty.UNREADABLE and not trial.is_kept():
            problems.append("the output is neither the old nor the new file")
        trial.wrong += [f"{fault.kind} {at}: {problem} (exit {code}: {line})" for problem in problems]


def spills(trial: Trial, sample: random.Random | None = None, count: int = 0) -> None:
    """Run a command that only reads, whose temporary files fail."""
    for fault, at in chosen(trial, [one for one in FAULTS if "killed" not in one.kind], sample, count):
        trial.prepare()
        code, line = trial.run(fault, at)
        if not trial.shared[HIT] or (code == 2 and "check" in trial.words):  # a verdict, which is printed on stdout
            continue
        trial.runs[f"{fault.kind}: exit {code}"] += 1
        if code not in (0, 1, 7) and (code != 4 or not line.startswith("recorder: ") or "stdout" in line):
            trial.wrong.append(f"{fault.kind} {at}: exit {code}: {line}")


# Outputs that must be refused


def refusals(trial: Trial) -> None:
    """Run a command with outputs that must be refused, whatever --force says."""
    words, folder = trial.words, trial.folder
    option = next((place for place, word in enumerate(words) if word in ("-o", "--html")), None)
    read = next((word for word in words if word in ("in", "har")), None)
    for kind, name in _ways(folder, read) if option is not None and read is not None else ():
        trial.prepare()
        wanted = [*words[: option + 1], name(), *words[option + 2 :]]
        code, line = trial.run(words=wanted if "--force" in wanted else [*wanted, "--force"])
        check(trial, None, 0, code, line, kind)
        if code != 2:
            trial.wrong.append(f"{kind}: exit {code}: {line}")
    trial.prepare()
    if trial.old is not None:
        with trial.output.open("rb") as recorded:
            fcntl.flock(recorded, fcntl.LOCK_EX)
            check(trial, None, 0, *trial.run(), "being recorded")
    trial.prepare()
    folder.chmod(0o555)
    check(trial, None, 0, *trial.run(first=_nobody), "folder read-only")
    folder.chmod(0o755)


def _ways(folder: Path, read: str) -> Iterator[tuple[str, Callable[[], str]]]:
    def link(*, hard: bool) -> str:
        if hard:
            (folder / "link").hardlink_to(folder / read)
        else:
            (folder / "link").symlink_to(read)
        return "link"

    yield "the same file", lambda: read
    yield "another spelling", lambda: f".././{folder.name}/{read}"
    yield "a symbolic link", lambda: link(hard=False)
    yield "a hard link", lambda: link(hard=True)
    yield "a folder", lambda: "."
    yield "a device", lambda: os.devnull


def _nobody() -> None:
    """Go on as a user without rights, if this process is root's."""
    if os.geteuid() == 0:
        os.setegid(65534)
        os.seteuid(65534)


_HAR = json.dumps(
    {
        "log": {
            "entries": [
                {
                    "startedDateTime": f"2026-01-01T00:00:0{place}.000Z",
                    "time": 5,
                    "timings": {"send": 0, "wait": 5, "receive": 0},
                    "request": {
                        "method": "POST", "url": "http://gws.example/api/v2/me/outbound-records/7", "headers": [],
                        "postData": {"mimeType": "application/json", "text": '{"operationName":"GetChainedRecord"}'},
                    },
                    "response": {
                        "status": 200, "headers": [],
                        "content": {"mimeType": "application/json", "text": '{"statusCode": 0}'},
                    },
                }
                for place in range(3)
            ]
        }
    }
).encode()  # fmt: skip


@cache
def inputs() -> dict[str, bytes]:
    """Return the files that commands read, by name."""
    with tempfile.TemporaryDirectory() as there:
        os.chdir(there)
        _run_here(["merge", str(PREVIEW), "-o", "in"])
        _run_here(["seal", "in", "-o", "sealed"])
        _run_here(["ca", "-o", "pem", "--ca-dir", "ca"])
        _run_here(["edit", "in", "--to", "text"])
        files = {name: Path(name).read_bytes() for name in ("in", "sealed", "pem", "text")}
        files |= {f"ca/{path.name}": path.read_bytes() for path in Path("ca").iterdir()}
        os.chdir(ROOT)
    files |= {"two": CALL.read_bytes(), "har": _HAR, "old": OLDER.read_bytes(), "asks.py": _ASKS.encode()}
    return files | {
        "mine.toml": (ROOT / "recorder/dialect/gws-outbound.toml").read_bytes(),
        "policy.toml": (ROOT / "recorder/redaction/gws.toml").read_bytes(),
    }


def trial_of(name: str, folder: Path) -> Trial:
    """Return the trial of a command; the command was run once, in this process, so that the forks import nothing."""
    words = (COMMANDS | RECORDINGS | READERS)[name].split()
    folder.parent.chmod(0o755)
    files = dict(inputs())
    files["out"] = files["in" if name.endswith("in place") else "two"]
    output = folder / next((words[place + 1] for place, word in enumerate(words) if word in ("-o", "--html")), "out")
    trial = Trial(words, folder, output, files)
    trial.prepare()
    os.chdir(folder)
    if name in RECORDINGS:
        _warm()
        return trial
    _run_here(words)
    trial.new = output.read_bytes()
    os.chdir(folder.parent)
    return trial


@cache
def _warm() -> None:
    """Do once what each recording would do again: its imports take a second, the check of an RSA key a seventh."""
    from mitmproxy import certs  # other commands need none of these

    from recorder.capture.mitm import addon, proxy
    from recorder.cli.recording import run

    assert all((addon, proxy, run))
    assert all(map(definition.shipped, definition.names()))
    unchecked = partial(load_pem_private_key, unsafe_skip_rsa_key_validation=True)
    certs.load_pem_private_key = unchecked  # type: ignore[assignment]  # the key of a CA is an RSA key


def _run_here(words: list[str]) -> None:
    try:
        main.main(words, prog_name="recorder")
    except SystemExit as exc:
        if exc.code not in (*_DONE, None):
            raise


def tried(name: str, folder: Path, url: str, sample: random.Random | None = None, count: int = 0) -> Trial:
    """Return the account of one command."""
    trial = trial_of(name, folder)
    if name in RECORDINGS:
        recorded(trial, url, sample, count)
        return trial
    if name in READERS:
        spills(trial, sample, count)
    else:
        faults(trial, sample, count)
    if not name.startswith("ca"):
        readings(trial, sample, count)
    if name in COMMANDS:
        refusals(trial)
    return trial


def _main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(COMMANDS | RECORDINGS | READERS))
    parser.add_argument("--sample", type=int, default=0, help="faults of each command; all without it")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sample = random.Random(given.seed) if given.sample else None
    stdout, wrong = os.dup(1), 0
    os.dup2(2, 1)  # the command prints too
    server, url = upstream()
    try:
        for name in given.names or [*COMMANDS, *READERS, *RECORDINGS]:
            with tempfile.TemporaryDirectory() as there:
                trial = tried(name, Path(there) / "work", url, sample, given.sample)
            runs = sum(trial.runs.values())
            told = {"name": name, "count": runs, "runs": trial.runs, "wrong": trial.wrong}
            os.write(stdout, f"{json.dumps(told)}\n".encode())
            wrong += len(trial.wrong)
    finally:
        os.kill(server, signal.SIGKILL)
        os.waitpid(server, 0)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(_main())
