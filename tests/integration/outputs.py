"""Run one writing command again and again, each time with another fault in the functions of `os` that write files.

    python -m tests.integration.outputs NAME

prints a JSON object: of each kind of fault, how often the command was run, and the texts of what went wrong. Each run
is a fork of this process, so that a killed one is cheap; `FAULTS` lists the functions.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import recorder
from recorder.cassette.reader import open_cassette
from recorder.cli import main
from recorder.diagnose import doctor
from recorder.errors import CassetteError
from recorder.output import leftovers

ROOT = Path(__file__).parents[2]
PREVIEW, CALL = ROOT / "cassettes/preview-session.cassette", ROOT / "cassettes/get-chained-record.cassette"
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
    "merge": "merge in two -o out --force",
    "recover": "recover in -o out --force",
    "redact": "redact in -o out --force",
    "redact, in place": "redact out --force",
    "seal -o": "seal in -o out --force",
    "seal --archive": "seal in --archive -o out --force",
    "seal, in place": "seal out",
    "recorrelate -o": "recorrelate in --rules gws-outbound -o out --force",
    "recorrelate, in place": "recorrelate out --rules gws-outbound",
    "import": "import har -o out --force",
    "convert, a new file": "convert in --to har -o new/folder/out",
    "merge, a new file": "merge in two -o new/folder/out",
}
_DONE = (0, 1)  # exit codes: 1 is that of `diff` that found differences
FAULTS = (
    "open", "write", "fsync", "fdatasync", "replace", "rename", "link", "unlink", "mkdir", "fchmod", "fchown",
    "ftruncate",
)  # fmt: skip


@dataclass
class Trial:
    """One command and its folder, and what came of its runs.

    Attributes:
        words: The command line.
        folder: Holds `in`, `two` and `har`, which the command reads, and `out`, the old file.
        output: The file that the command writes.
        files: Contents of the folder before each run.
        new: The output of an undisturbed run.
        runs: How many runs of each kind left the old file, or a whole new one.
        wrong: Each broken promise.
    """

    words: list[str]
    folder: Path
    output: Path
    files: dict[str, bytes]
    new: bytes = b""
    runs: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def old(self) -> bytes | None:
        return self.files.get(self.output.name) if self.output.parent == self.folder else None

    def prepare(self) -> None:
        """Fill the folder as it was before the first run."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.folder.chmod(0o755)
        for name, content in self.files.items():
            (self.folder / name).write_bytes(content)

    def run(self, fault: Callable[[], None] | None = None, words: list[str] | None = None) -> tuple[int, str]:
        """Run the command in a fork; return its exit code (negative: a signal) and its last line on stderr."""
        log = self.folder.with_suffix(".log")
        child = os.fork()
        if not child:
            _child(words or self.words, self.folder, log, fault)
        _, status = os.waitpid(child, 0)
        lines = log.read_text(errors="replace").strip().splitlines()
        return os.waitstatus_to_exitcode(status), lines[-1] if lines else ""


def _child(words: list[str], folder: Path, log: Path, fault: Callable[[], None] | None) -> NoReturn:
    os.chdir(folder)
    out, quiet = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), os.open(os.devnull, os.O_WRONLY)
    os.dup2(out, 2)
    os.dup2(quiet, 1)
    code = 99
    try:
        if fault is not None:
            fault()
        main.main(words, prog_name="recorder")
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else 0
    except BaseException as exc:  # noqa: BLE001  # a traceback is a fault of the command
        os.write(2, f"traceback: {exc!r}".encode())
    sys.stderr.flush()
    os._exit(code)


def failing(at: int, act: Callable[[], None], *, after: bool = False) -> Callable[[], None]:
    """Return a function that lets call number `at` of the functions of `FAULTS` do something else, and fail."""

    def install() -> None:
        count = 0

        def wrapped(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal count
                count += 1
                if count == at and not after:
                    act()
                result = real(*arguments, **options)
                if count == at and after:
                    act()
                return result

            return call

        for name in FAULTS:
            setattr(os, name, wrapped(getattr(os, name)))

    return install


def full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def whole(path: Path, like: bytes) -> bool:
    """Return whether a file is a whole new one: equal to that of an undisturbed run, or a cassette without damage.

    Two cassettes of one command may differ, in pseudonyms under another key and in the time of their making.
    """
    content = path.read_bytes()
    if content == like:
        return True
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


def check(trial: Trial, kind: str, code: int, line: str) -> None:
    """Hold one run to the promise: the old file or the whole new one, and one line on what went wrong."""
    output, folder = trial.output, trial.folder
    is_old = output.read_bytes() == trial.old if output.exists() else trial.old is None
    trial.runs[f"{kind}: {'old' if is_old else 'new'}"] += 1
    problems = []
    if not is_old and not whole(output, trial.new):
        problems.append("the output is neither the old nor the new file")
    problems += [f"{n} changed" for n, c in trial.files.items() if n != "out" and (folder / n).read_bytes() != c]
    left = leftovers(output.parent) if output.parent.is_dir() else []
    if code == -signal.SIGKILL:
        beside = output.parent / "beside"
        if left and beside.write_bytes(trial.files["in"]) and not _told_by_doctor(beside, left):
            problems.append(f"doctor does not tell of {left}")
    elif left:
        problems.append(f"left {left}")
    if code in _DONE and is_old and trial.new != trial.old:
        problems.append("success is told, and the output is the old file")
    if code not in (*_DONE, -signal.SIGKILL) and (code not in (2, 4) or not line.startswith("recorder: ")):
        problems.append("the fault is not told in one line")
    trial.wrong += [f"{kind}: {problem} (exit {code}: {line})" for problem in problems]


def _told_by_doctor(cassette: Path, left: list[Path]) -> bool:
    told = {finding.where for finding in doctor.examine(cassette) if finding.kind == "leftover"}
    return {str(path) for path in left} <= told


def faults(trial: Trial) -> None:
    """Run a command with each fault at each call: of a killed one, till it gets through and so had no such call."""
    calls, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        calls += 1
        trial.prepare()
        code, line = trial.run(failing(calls, killed))
        check(trial, "killed before a call", code, line)
    for kind, act, after in (("the disk is full at a call", full, False), ("killed after a call", killed, True)):
        for at in range(1, calls):
            trial.prepare()
            check(trial, kind, *trial.run(failing(at, act, after=after)))


def refusals(trial: Trial) -> None:
    """Run a command with outputs that must be refused, whatever --force says."""
    words, folder = trial.words, trial.folder
    option = next((place for place, word in enumerate(words) if word in ("-o", "--html")), None)
    read = next((word for word in words if word in ("in", "har")), None)
    for kind, name in _ways(folder, read) if option is not None and read is not None else ():
        trial.prepare()
        wanted = [*words[: option + 1], name(), *words[option + 2 :]]
        code, line = trial.run(words=wanted if "--force" in wanted else [*wanted, "--force"])
        check(trial, kind, code, line)
        if code != 2:
            trial.wrong.append(f"{kind}: exit {code}: {line}")
    trial.prepare()
    if trial.old is not None:
        with trial.output.open("rb") as recorded:
            fcntl.flock(recorded, fcntl.LOCK_EX)
            check(trial, "being recorded", *trial.run())
    trial.prepare()
    folder.chmod(0o555)
    check(trial, "folder read-only", *trial.run(_nobody))
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


def trial_of(name: str, folder: Path) -> Trial:
    """Return the trial of a command; the command was run once, in this process, so that the forks import nothing."""
    words = COMMANDS[name].split()
    folder.parent.chmod(0o755)
    folder.mkdir()
    os.chdir(folder)
    journal = folder / "journal"
    _run_here(["merge", str(PREVIEW), "-o", str(journal)])
    files = {"in": journal.read_bytes(), "two": CALL.read_bytes(), "har": _HAR}
    files["out"] = files["in" if name.endswith("in place") else "two"]
    output = folder / ("new/folder/out" if "new/folder/out" in words else "out")
    trial = Trial(words, folder, output, files)
    trial.prepare()
    os.chdir(folder)
    _run_here(words)
    trial.new = output.read_bytes()
    os.chdir(folder.parent)
    return trial


def _run_here(words: list[str]) -> None:
    try:
        main.main(words, prog_name="recorder")
    except SystemExit as exc:
        if exc.code not in _DONE:
            raise


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as there:
        stdout = os.dup(1)
        os.dup2(2, 1)  # the command prints too
        tried = trial_of(sys.argv[1], Path(there) / "work")
        faults(tried)
        refusals(tried)
        os.write(stdout, json.dumps({"runs": tried.runs, "wrong": tried.wrong}).encode())
