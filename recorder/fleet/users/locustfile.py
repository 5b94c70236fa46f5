"""Write the locustfile of a load, and the command line of Locust that runs it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_HEAD: Final = '''"""Play recorded sessions as many users.

Written by `recorder load`, and yours to change: https://docs.locust.io tells what else a locustfile can do.

    {command}
"""

from recorder.locust import SessionUser


class Agents(SessionUser):
    """A user that plays one session after the other, each under ids of its own."""

'''
PARENT: Final = "RECORDER_LOAD_PARENT"  # variable with the id of the process that started Locust, and ends it
_WIDTH = 110  # characters of a line


def locustfile(host: str, attributes: Iterable[tuple[str, Any]], *, name: str = "locustfile.py") -> str:
    """Return the text of a locustfile.

    Args:
        host: URL of the server.
        attributes: Names and values of the attributes of the class, those that are not the default.
        name: Name of the file, for the command that its text shows.
    """
    lines = [f"    {key} = {_literal(value)}" for key, value in (("host", host), *attributes)]
    command = f"locust -f {name} --headless --users 10 --spawn-rate 1 --run-time 1m"
    return _HEAD.format(command=command) + "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """The options that Locust gets on its command line.

    Attributes:
        host: URL of the server.
        users: Number of users; None lets Locust, or its page, choose.
        spawn_rate: Users that begin in a second.
        run_time: How long, as Locust writes it: `90s`, `1h30m`; "" until Ctrl-C.
        stop_timeout: Seconds that running sessions may take to end after that.
        processes: Number of workers to start here; 0 for none.
        role: "master", "worker" or "".
        master: Host and port of the master, as Locust's options have them.
        expect_workers: Number of workers a master waits for.
        page: Host and port of the web page; None without one.
        html: File of the report; "" for none.
        csv: Prefix of CSV files; "" for none.
    """

    host: str
    users: int | None = None
    spawn_rate: float | None = None
    run_time: str = ""
    stop_timeout: float = 0.0
    processes: int = 0
    role: str = ""
    master: tuple[str, int] | None = None
    expect_workers: int = 0
    page: tuple[str, int] | None = None
    html: str = ""
    csv: str = ""

    def arguments(self, file: Path) -> list[str]:
        """Return the arguments for `locust` that run a locustfile."""
        found = ["-f", str(file), "--host", self.host]
        if self.role == "worker":
            found.append("--worker")
            found += _pairs(("--master-host", "--master-port"), self.master)
            found += ["--processes", str(self.processes)] if self.processes else []
            return found
        found += ["--users", str(self.users)] if self.users is not None else []
        found += ["--spawn-rate", f"{self.spawn_rate:g}"] if self.spawn_rate is not None else []
        found += ["--run-time", self.run_time] if self.run_time else []
        found += ["--stop-timeout", f"{self.stop_timeout:g}"] if self.stop_timeout else []
        if self.page is None:
            found.append("--headless")
        else:
            found += _pairs(("--web-host", "--web-port"), self.page)
        if self.role == "master":
            found.append("--master")
        found += ["--processes", str(self.processes)] if self.processes else []
        found += _pairs(("--master-bind-host", "--master-bind-port"), self.master)
        if self.processes:  # its workers have these arguments, too
            found += _pairs(("--master-host", "--master-port"), self.master)
        found += ["--expect-workers", str(self.expect_workers)] if self.expect_workers else []
        found += ["--html", self.html] if self.html else []
        found += ["--csv", self.csv] if self.csv else []
        return found


def _pairs(names: Sequence[str], values: tuple[str, int] | None) -> list[str]:
    return [] if values is None else [names[0], values[0], names[1], str(values[1])]


def _literal(value: Any) -> str:
    """Return a value as Python writes it, with double quotation marks."""
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False)
    if isinstance(value, list | tuple):
        items = [_literal(one) for one in value]
        line = f"[{', '.join(items)}]"
        if len(line) <= _WIDTH:
            return line
        return "[\n" + "".join(f"        {item},\n" for item in items) + "    ]"
    return repr(value)
