"""More APIs on a real Bayeux server, and their clients, run from Python.

`parcels` is made up, so that nothing can know it; `workspace` has the shapes of Genesys Workspace API v3; `service` is
asked by publishes on service channels; `chain` and `transfer` take no id that they did not give out before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tests.lab.lab import run_client
from tests.lab.processes import serving

_HERE = Path(__file__).resolve().parent
DIALECTS = _HERE  # those of `chain` and `transfer`, by hand
Api: TypeAlias = Literal["parcels", "workspace", "service", "chain", "transfer"]
Verdict: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Served:
    """The server of an API as a child process.

    Attributes:
        url: Where it listens.
        log: Its truth: requests, answers, sessions and events, each event as often as it was handed to a session.
    """

    url: str
    log: Path

    def truth(self) -> list[dict[str, Any]]:
        """Return the lines of the truth so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def mistakes(self) -> list[str]:
        """Return what the clients of `chain` and `transfer` sent that they must not have sent."""
        return [line["text"] for line in self.truth() if line["kind"] == "mistake"]


@contextmanager
def serving_api(api: Api, log: Path, *, seed: str = "1", timeout_ms: int = 5000) -> Iterator[Served]:
    """Run the server of an API; `seed` decides the ids that it makes, and a poll is held for `timeout_ms`."""
    log.touch()
    options = [f"--log={log}", f"--timeout={timeout_ms}", f"--seed={seed}"]
    with serving(["node", str(_HERE / "server.js"), api, *options], ready="listening on ") as server:
        yield Served(server.url, log)


def play(api: Api, url: str, script: Mapping[str, Any] | None = None) -> list[Verdict]:
    """Let the clients of an API play against a base URL, and return the verdict of each.

    Raises:
        LabError: If they cannot go on, or all took longer than a minute.
    """
    return run_client(("node", str(_HERE / f"{api}_client.js")), url, script or {})
