"""Make a load of the options of `recorder load`, check it, and run Locust on it."""

from __future__ import annotations

import math
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ...errors import UsageError
from ...loopback import LOOPBACK
from ...output import replacing
from ...printable import counted
from ...system.signals import ASK, INTERRUPTS, KILL, ends, of_its_own
from ..saying import say
from ..verdict import announce
from .options import labels

if TYPE_CHECKING:
    from ...fleet.users.locustfile import Command
    from ...fleet.users.scenarios import Load, Settings

_EXTRA = "a load needs {}: pip install 'outbound-recorder[load]'"
_ATTRIBUTES = {  # of `SessionUser`, by the names of the options that give them
    "values": "values",
    "sessions": "sessions",
    "allow": "allow",
    "allow_all": "allow_all",
    "on_missing": "on_missing",
    "patience": "patience",
    "settle": "settle",
    "send_recorded_credentials": "send_recorded_credentials",
    "insecure": "insecure",
    "upstream_ca": "upstream_ca",
    "dialect": "dialect",
    "policy": "policy",
}


def must_have_locust() -> None:
    """Refuse to go on without Locust; it is not imported, for it changes the sockets of its whole process.

    Raises:
        UsageError: Then.
    """
    from importlib.util import find_spec

    for name in ("gevent", "locust"):
        if find_spec(name) is None:
            raise UsageError(_EXTRA.format(name))


def load_of(cassettes: Sequence[Path], given: dict[str, Any]) -> Load:
    """Read cassettes and values by the options of the command; nothing is sent.

    Raises:
        UsageError: If there is no --to outside of a dry run, or an option cannot be used.
        CassetteError: If a cassette cannot be read.
        SettingsError: If a dialect, a policy or the values have a mistake.
    """
    from ...fleet.users.scenarios import Load

    if not given["to"] and not given["dry_run"]:
        raise UsageError("name the server to send to: --to http://staging.example:8090; --dry-run needs none")
    return Load(_settings(cassettes, given), os.environ)


def _settings(cassettes: Sequence[Path], given: dict[str, Any]) -> Settings:
    from ...drive.engine.driver import OnMissing
    from ...fleet.users.scenarios import Settings

    return Settings(
        cassettes=tuple((path, 1) for path in dict.fromkeys(cassettes)),
        to=given["to"],
        values=tuple(given["values"]),
        rate=given["rate"],
        sessions=tuple(labels(given["sessions"])),
        allow=tuple(given["allow"]),
        allow_all=given["allow_all"],
        on_missing=OnMissing(given["on_missing"]),
        patience=given["patience"],
        settle=given["settle"],
        send_recorded_credentials=given["send_recorded_credentials"],
        insecure=given["insecure"],
        upstream_ca=tuple(given["upstream_ca"]),
        dialect=given["dialect"],
        policy=given["policy"],
    )


def attributes(load: Load) -> list[tuple[str, Any]]:
    """Return the attributes of `SessionUser` that a load has, and that are not the default."""
    from ...drive.engine.driver import OnMissing
    from ...fleet.users.scenarios import PATIENCE, SETTLE

    usual: dict[str, Any] = {"on_missing": OnMissing.SKIP, "patience": PATIENCE, "settle": SETTLE}
    settings = load.settings
    found: list[tuple[str, Any]] = [("cassettes", [str(path) for path, _ in settings.cassettes])]
    if settings.rate != 1:
        found.append(("rate", "instant" if math.isinf(settings.rate) else settings.rate))
    for name in _ATTRIBUTES.values():
        value = getattr(settings, name)
        if value and value != usual.get(name):
            found.append((name, getattr(value, "value", value)))
    return found


def listed(load: Load) -> None:
    """Print what each session would send, and say what keeps it from being sent."""
    from ...drive.engine.listing import as_text

    for scenario in load.scenarios:
        if len(load.scenarios) > 1:
            announce(f"{scenario.path}:")
        for line in as_text(load.listed(scenario)):
            announce(line)
    notes = dict.fromkeys(note for scenario in load.scenarios for note in scenario.plan.notes)
    for line in (*notes, *load.unused(), *load.problems(), *_all_allowed(load)):
        say(line)
    steps = sum(len(scenario.plan.steps) for scenario in load.scenarios)
    writes = sum(len(load.writes(scenario)) for scenario in load.scenarios)
    say(f"{counted(steps, 'step')} in {counted(len(load.scenarios), 'session')}; {writes} may change data")


def check(load: Load, users: int | None) -> None:
    """Refuse to send anything while something is not allowed, or values are missing; then try to reach the server.

    Args:
        load: What is played.
        users: Number of users; None if it is not known here.

    Raises:
        UsageError: If something keeps it from being sent.
        UpstreamError: If the server cannot be reached.
    """
    for line in load.unused():
        say(f"warning: {line}")
    problems = load.problems(users)
    if len(problems) == 1:
        raise UsageError(f"{problems[0]}; nothing was sent, see --dry-run")
    for line in (*problems, *_all_allowed(load)):
        say(line)
    if problems:
        raise UsageError("nothing was sent; --dry-run lists what a session would send")
    must_have_locust()
    if load.target is not None:
        from ...fleet.load.server import Server

        Server(load.target).reach().close()


def warn_of_writes(load: Load) -> None:
    """Say on stderr, before anything is sent, how much may change something on the server."""
    from ...views.live.driven import counted_steps

    for scenario in load.scenarios:
        writes = load.writes(scenario)
        if writes:
            noun = "request" if len(writes) == 1 else "requests"
            steps = counted_steps(writes)
            say(f"each session of {scenario.path} sends {len(writes)} {noun} that may change data ({steps})")


def _all_allowed(load: Load) -> list[str]:
    from ...drive.engine.allowing import option

    given = dict.fromkeys(option(step) for step in load.refused())
    return [] if len(given) < 2 or "--allow-all" in given else [f"all that is not allowed yet: {' '.join(given)}"]


@contextmanager
def written(text: str, output: Path | None, *, force: bool) -> Iterator[Path]:
    """Write a locustfile, and say where; without an output into a folder that is removed after the block."""
    with TemporaryDirectory(prefix="recorder-load-") as place:
        path = output or Path(place) / "locustfile.py"
        with replacing(path, force=force) as file:
            file.write(text.encode())
        say(f"{path}: is the locustfile of this load{'' if output else '; -o FILE keeps it'}")
        yield path


def free_port() -> int:
    """Return a port of this machine that nobody listens on: two loads may run at the same time."""
    with socket.socket() as one:
        one.bind((LOOPBACK, 0))
        return int(one.getsockname()[1])


def run(command: Command, file: Path) -> int:
    """Run Locust on a locustfile to its end, and return its exit code.

    Ctrl-C asks it to end in order: users disconnect, and statistics are printed. A second one ends it at once.

    Raises:
        KeyboardInterrupt: After a run that Ctrl-C ended.
    """
    from ...fleet.users.locustfile import PARENT

    # -P: a file `locust.py` in this folder is not Locust
    line = [sys.executable, "-P", "-m", "locust", *command.arguments(file)]
    say(f"runs {shlex.join(['locust', *line[4:]])}")
    # in a session of its own, for each of its workers would take a Ctrl-C of the terminal, and so would the master
    alone: dict[str, Any] = of_its_own() or {"start_new_session": True}
    caught: list[int] = []
    children: list[subprocess.Popen[bytes]] = []

    def take(number: int, _frame: object) -> None:
        caught.append(number)
        for child in children:
            _send(child, ASK if len(caught) == 1 else KILL)

    # before the child begins: it would ignore what this process ignored, as shells let their background jobs do
    before = {number: signal.signal(number, take) for number in ends()}
    try:
        mine = {**os.environ, PARENT: str(os.getpid())}
        with subprocess.Popen(line, stdin=subprocess.DEVNULL, env=mine, **alone) as child:  # noqa: S603  # our own interpreter
            children.append(child)
            if caught:
                _send(child, ASK)
            code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if caught and caught[0] in INTERRUPTS:
        raise KeyboardInterrupt
    if caught:
        raise SystemExit(128 + caught[0])
    return code if code >= 0 else 1


def _send(child: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to Locust; one that ends at once goes to its workers, too."""
    with suppress(OSError):  # it has ended by itself
        if number == KILL and hasattr(os, "killpg"):
            os.killpg(child.pid, number)
        else:
            child.send_signal(number)
