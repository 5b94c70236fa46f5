"""Implement `recorder load`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from ...errors import UsageError
from ...loopback import LOOPBACK
from ..driving.many import attributes, check, free_port, listed, load_of, must_have_locust, run, warn_of_writes, written
from ..driving.options import (
    PATIENCE_OPTIONS,
    PERMISSIONS,
    RATE_OPTION,
    SESSIONS,
    TRUST,
    F,
    SettingsFile,
    on_missing_option,
)
from ..options import (
    OUTPUT,
    Finite,
    InputFile,
    dialect_option,
    force_option,
    offers,
    recorded_policy_option,
    warn_if_exposed,
)
from ..saying import say
from ..writing import must_be_writable

_TIME = re.compile(r"(?=[0-9])(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s?)?")
_LONGEST = 366 * 24 * 3600  # seconds
_MASTER = 5557  # Locust's own


class RunTime(click.ParamType):  # type: ignore[type-arg]  # generic in its stubs only
    """A time as Locust writes it."""

    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read it; fails as click's parameters do."""
        found = _TIME.fullmatch(str(value))
        if not found:
            self.fail(f"{value!r} is no time; write 90s, 20m or 1h30m", param, ctx)
        hours, minutes, seconds = (int(one or 0) for one in found.groups())
        if not 0 < 3600 * hours + 60 * minutes + seconds <= _LONGEST:  # Locust takes 0 for no end at all
            self.fail(f"{value!r} must be longer than 0 seconds, and a year at most", param, ctx)
        return str(value)


def _added(options: Sequence[Callable[[F], F]]) -> Callable[[F], F]:
    def add(command: F) -> F:
        for one in reversed(options):
            command = one(command)
        return command

    return add


@click.command("load")
@click.argument(
    "cassettes", metavar="FILE...", type=InputFile(), nargs=-1, required=True, shell_complete=offers("cassettes")
)
@click.option("--to", metavar="URL", default="", help="Server to send to, e.g. http://staging.example:8090.")
@click.option(
    "-u", "--users", metavar="N", type=click.IntRange(1), help="Users that play at the same time; 1 by default."
)
@click.option(
    "-r",
    "--spawn-rate",
    metavar="R",
    type=Finite(min=0, min_open=True),
    help="Users to start each second; 1 by default.",
)
@click.option("-t", "--run-time", type=RunTime(), help="End after this time, e.g. 90s, 1h30m; else Ctrl-C.")
@click.option(
    "--stop-timeout",
    metavar="SECONDS",
    type=Finite(min=0),
    default=0.0,
    show_default=True,
    help="Time that running sessions have after --run-time; then they are cut off.",
)
@RATE_OPTION
@SESSIONS
@click.option(
    "--values",
    metavar="FILE",
    type=SettingsFile(),
    multiple=True,
    help="TOML file with values, or CSV file with a row for each user. May be repeated.",
)
@_added(PERMISSIONS)
@click.option("--processes", metavar="N", type=click.IntRange(1), help="Use N worker processes on this machine.")
@click.option(
    "--master", is_flag=True, help="Run the master: count and print for workers that are started by --worker."
)
@click.option("--worker", is_flag=True, help="Run a worker: play users for a master.")
@click.option("--master-host", metavar="HOST", help="Address of the master, for a worker; 127.0.0.1 by default.")
@click.option(
    "--master-port",
    metavar="PORT",
    type=click.IntRange(1, 65535),
    help="Port of the master; 5557 by default, a free port with --processes.",
)
@click.option(
    "--bind", metavar="HOST", default="127.0.0.1", show_default=True, help="Address at which a master listens."
)
@click.option(
    "--expect-workers",
    metavar="N",
    type=click.IntRange(1),
    help="Number of workers that a master waits for before it starts users.",
)
@click.option("--web", is_flag=True, help="Serve Locust's page; the load is started and ended there.")
@click.option(
    "--web-host",
    metavar="HOST",
    default="127.0.0.1",
    show_default=True,
    help="Address at which to serve the page of --web.",
)
@click.option(
    "--web-port",
    metavar="PORT",
    type=click.IntRange(1, 65535),
    default=8089,
    show_default=True,
    help="Port of the page of --web.",
)
@click.option("--html", metavar="FILE", type=OUTPUT, help="Write Locust's report as one HTML file.")
@click.option("--csv", metavar="PREFIX", type=OUTPUT, help="Write Locust's statistics as PREFIX_stats.csv and others.")
@click.option("-o", "--output", type=OUTPUT, help="Keep the locustfile that is run in this file.")
@force_option
@on_missing_option("skip")
@_added((*PATIENCE_OPTIONS, *TRUST))
@dialect_option
@recorded_policy_option
def command(cassettes: tuple[Path, ...], **given: Any) -> None:
    """Play cassettes by cause as many users, on Locust.

    Each user plays one session after the other, each session under ids of its own. Locust's statistics show the time
    to each answer (ack) and to the last event of each operation (events). An event that is lost, early, doubled, or has
    an id of another user, is a failure with its reason. Sessions that --run-time cuts off are counted apart, and are no
    failures.

    The requests are real. A request that may change data needs --allow NAME or --allow-all. Requests that are not
    allowed, and values that are missing, are listed, and nothing is sent. -o FILE keeps the locustfile, to be changed
    and run by `locust -f FILE`. See docs/load.md.

    Exit code 1: a failure. 2: not allowed, or a value is missing. 6: the server cannot be reached.

    \b
    Example:  recorder load desk.cassette --dry-run
              recorder load desk.cassette --to http://127.0.0.1:8090 --allow-all --users 50 --spawn-rate 5
                  --run-time 2m --html report.html
              recorder load desk.cassette --to https://staging.example --values agents.csv --allow GetRecord
                  --users 400 --spawn-rate 10 --run-time 1h --processes 4 -o locustfile.py
    """
    _refuse_mixed(given)
    load = load_of(cassettes, given)
    if given["dry_run"]:
        listed(load)
        return
    from ...fleet.users.locustfile import locustfile

    output: Path | None = given["output"]
    for path in (output, given["html"]):
        if path is not None:
            must_be_writable(path, force=given["force"])
    must_have_locust()
    check(load, None if given["worker"] or given["web"] else given["users"] or 1)
    for note in dict.fromkeys(note for scenario in load.scenarios for note in scenario.plan.notes):
        say(note)
    warn_of_writes(load)
    if given["web"]:
        warn_if_exposed(given["web_host"])
    text = locustfile(given["to"], attributes(load), name=output.name if output is not None else "locustfile.py")
    with written(text, output, force=given["force"]) as file:
        code = run(_command(given), file)
    raise SystemExit(code)


def _command(given: dict[str, Any]) -> Any:
    from ...fleet.users.locustfile import Command

    role = "worker" if given["worker"] else "master" if given["master"] else ""
    host = (given["master_host"] or LOOPBACK) if given["worker"] else given["bind"] if role else LOOPBACK
    has_workers = bool(role or given["processes"])
    port = given["master_port"] or (_MASTER if role else free_port())
    return Command(
        host=given["to"],
        users=given["users"],
        spawn_rate=given["spawn_rate"],
        run_time=given["run_time"] or "",
        stop_timeout=given["stop_timeout"],
        processes=given["processes"] or 0,
        role=role,
        master=(host, port) if has_workers else None,
        expect_workers=given["expect_workers"] or 0,
        page=(given["web_host"], given["web_port"]) if given["web"] else None,
        html=str(given["html"] or ""),
        csv=str(given["csv"] or ""),
    )


def _refuse_mixed(given: dict[str, Any]) -> None:
    """Refuse options that have no meaning together.

    Raises:
        UsageError: Then.
    """
    if given["master"] and given["worker"]:
        raise UsageError("--master and --worker are two processes; start each of them")
    if given["master"] and given["processes"]:
        raise UsageError("--processes N has a master of its own; leave --master out, or start workers by --worker")
    if given["worker"]:
        ruled = [name for name in ("users", "spawn_rate", "run_time", "web", "html", "csv") if given[name]]
        if ruled:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in ruled)
            raise UsageError(f"a worker does what its master says; give {names} to the master")
    elif given["master_host"]:
        raise UsageError("--master-host is for a worker; a master listens at --bind")
