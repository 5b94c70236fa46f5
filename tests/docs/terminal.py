"""Type the commands of a page in an empty folder, in an environment that has the wheel."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.blocks import SHELL, Block, Command, commands
from tests.wheel import own

_READY = 30.0  # seconds until a server listens
_LIMIT = 60.0  # seconds for one command
_PORT = re.compile(r"(?<=[: ])(?:8080|8090|8091|8095|8443|18080|18090)\b")
_SCREEN = {"DISPLAY", "WAYLAND_DISPLAY"}  # no page is opened before the eyes of who runs the tests
_FILE = re.compile(r"#+ ([\w./-]+\.(?:py|toml|ini|yml|json|mjs))\s*$")
_LOOSE = (  # times, ports and ids are others in each run
    (re.compile(r"(?<![\w.-])[+]?\d+(?:\.\d+)? (?=ms\b)"), r"[+]?[\\d.]+ "),
    (re.compile(r"[+]\d+"), r"[+]\\d+"),
    (re.compile(r"\b\d+\.\d+ ?s\b"), r"[\\d.]+ ?s"),
    (re.compile(r"(?<=[\w\]]):\d{4,5}\b"), r":\\d+"),
    (re.compile(r"  +"), " +"),
    (re.compile("…"), ".*"),
)


class PageError(AssertionError):
    """A command of a page did other than the page says."""


def pattern(shown: str) -> re.Pattern[str]:
    """Return what a line of output must look like, whatever its times, ports and widths of columns."""
    parts = [(shown.strip(), False)]
    for loose, put in _LOOSE:
        parts = [piece for part, done in parts for piece in _split(part, done, loose, put)]
    return re.compile("".join(part if done else re.escape(part) for part, done in parts))


def _split(part: str, done: bool, loose: re.Pattern[str], put: str) -> Iterator[tuple[str, bool]]:
    if done:
        yield part, True
        return
    end = 0
    for found in loose.finditer(part):
        yield part[end : found.start()], False
        yield put.replace("\\\\", "\\"), True
        end = found.end()
    yield part[end:], False


@dataclass(eq=False)
class Terminal:
    """A folder in which commands are typed; servers go on in the background, as in a terminal beside.

    Attributes:
        folder: Where the commands run; it is empty at first.
        path: Folders of programs, before those of the system.
        env: More environment variables.
        home: The home folder of the user.
        typed: All commands so far.
    """

    folder: Path
    path: tuple[Path, ...]
    env: dict[str, str] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    _ports: dict[str, str] = field(default_factory=dict)
    _servers: list[tuple[str, subprocess.Popen[str], threading.Thread]] = field(default_factory=list)

    def does(self, block: Block) -> list[str]:
        """Write or run a block, and return what each of its commands printed."""
        if block.ends:
            self.interrupt()
        if block.language not in SHELL:
            self.write(block.text)
            return []
        return [self.runs(command) for command in commands(block)]

    def write(self, text: str) -> None:
        """Write a file; its first line says how it is called."""
        found = _FILE.match(text.splitlines()[0])
        if found is None:
            raise PageError(f"the first line does not name the file: {text.splitlines()[0]}")
        path = self.folder / found[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.free(text), encoding="utf-8")

    def runs(self, command: Command) -> str:
        """Run a command, hold it to its exit code and its shown output, and return all that it printed."""
        line = self.free(command.line)
        self.typed.append(line)
        if (set_for_all := re.fullmatch(r"export (\w+)=(\S+)", line)) is not None:
            self.env[set_for_all[1]] = set_for_all[2]
        if command.serves:
            printed = self._serve(line)
            self._holds(command, printed.splitlines())
            return printed
        done = subprocess.run(
            ["bash", "-c", line], cwd=self.folder, env=self._env(), capture_output=True, text=True, check=False,
            timeout=_LIMIT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode != command.code:
            raise PageError(f"{line}: exit code {done.returncode}, not {command.code}\n{done.stdout}\n{done.stderr}")
        self._holds(command, done.stdout.splitlines() + done.stderr.splitlines())
        return done.stdout + done.stderr

    def _holds(self, command: Command, printed: list[str]) -> None:
        """Hold what was printed to what the page shows: in this order, with other lines between."""
        lines = iter(printed)
        for shown in command.shown:
            like = pattern(self.free(shown))
            if not any(like.fullmatch(line.strip()) for line in lines):
                told = f"shows {shown!r}, in vain for {like.pattern!r} in\n" + "\n".join(printed)
                raise PageError(f"{command.line}\n{told}")

    def interrupt(self) -> None:
        """End the servers as Ctrl-C does."""
        while self._servers:
            line, process, reading = self._servers.pop()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(20.0)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise PageError(f"{line}: does not end on Ctrl-C") from None
            reading.join()
            if process.stdout is not None:
                process.stdout.close()

    def free(self, text: str) -> str:
        """Put free ports of this machine in place of those that a page names, the same one each time."""
        return _PORT.sub(lambda found: self._ports.setdefault(found[0], _free_port()), text)

    def _env(self) -> dict[str, str]:
        path = ":".join([*map(str, self.path), os.environ["PATH"]])
        home = self.folder.parent / "home"
        home.mkdir(exist_ok=True)
        here = {name: value for name, value in own().items() if name not in _SCREEN}
        return here | {"PATH": path, "HOME": str(home), "COLUMNS": "120", "PAGER": "cat"} | self.env

    def _serve(self, line: str) -> str:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {line}" if not re.match(r"\w+=", line) else line], cwd=self.folder, env=self._env(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        told: list[str] = []
        ready = threading.Event()
        last = "viewing at" if "recorder view" in line else "listening"

        def read() -> None:
            for one in process.stdout or ():
                told.append(one)
                if last in one:
                    ready.set()
            ready.set()

        reading = threading.Thread(target=read, daemon=True)
        reading.start()
        self._servers.append((line, process, reading))
        begun = time.monotonic()
        if port := re.search(r"^mitmdump .*--listen-port (\d+)", line):  # it prints into a pipe when it ends
            threading.Thread(target=_knock, args=(int(port[1]), ready, process), daemon=True).start()
        if not ready.wait(_READY) or process.poll() is not None:
            raise PageError(f"{line}: does not listen after {time.monotonic() - begun:.0f} s\n{''.join(told)}")
        return "".join(told)


@contextmanager
def terminal(folder: Path, *path: Path, **env: str) -> Iterator[Terminal]:
    """Have a terminal in an empty folder; its servers end with the block."""
    folder.mkdir(parents=True)
    made = Terminal(folder, path, env)
    try:
        yield made
    finally:
        made.interrupt()


def _free_port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


def _knock(port: int, ready: threading.Event, process: subprocess.Popen[str]) -> None:
    while process.poll() is None and not ready.is_set():
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
            ready.set()
        time.sleep(0.05)
