"""Make the cassettes of the races again: `python -m tests.races.record [NAME…]`.

Each is a real capture: the right version of a client against the lab, through `recorder record`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.lab.apis.lab import serving_api
from tests.lab.lab import Lab, available
from tests.lab.processes import recorder
from tests.lab.push.lab import HERE as PUSH
from tests.lab.push.lab import serving_push

from .bugs import BUGS, CASSETTES, Client
from .running import Clients

_CLOCK = 1433915532887  # the time in the sample of the API page
# The key of the pseudonyms. Public on purpose: all values of the lab are fictional, and another recording shall have
# equal pseudonyms.
_PUBLIC_KEY = "a public key, for fictional values"
_DIALECTS = {"service": "cometd-service", "orders": PUSH / "dialects" / "orders.toml"}


@dataclass(frozen=True, slots=True)
class Scene:
    """A recording to be made.

    Attributes:
        client: The bug whose right version is recorded.
        server: The server; `service` is the one that is asked by publishes, `orders` the one that lists orders.
        options: Those of the lab, beside `twins` of false and `clock`; the other servers have none.
    """

    client: str
    server: Literal["cometd", "faye", "service", "orders"] = "cometd"
    options: dict[str, Any] = field(default_factory=dict)


SCENES = {
    "chain": Scene("ack_first.py", "faye", {"chain": 2, "delayMs": 30}),
    "pair": Scene("first_of_kind.py", options={"delayMs": 30, "splitMs": 10}),
    "early": Scene("next_on_ack.py", options={"chain": 2, "early": 1}),
    "split": Scene("first_of_batch.js", options={"chain": 2, "delayMs": 30, "splitMs": 150}),
    "acked": Scene("lost_batch.py", options={"chain": 2, "delayMs": 30, "splitMs": 40}),
    "note": Scene("events_of_replies.js", options={"delayMs": 30}),
    # the state of the device is told before the answer to the login
    "socket": Scene("unasked.js", "faye", {"delayMs": 20, "ackDelayMs": 80, "unasked": True}),
    "clock": Scene("first_of_handshake.py", "service"),
    # lists are answered before the event that comes next, and in the order in which they were asked for
    "listed": Scene("stale_list.py", server="orders"),
    "searched": Scene("older_search.js", server="orders"),
}


def main() -> None:
    """Record those that are named, else all, over those that are there."""
    missing = available()
    if missing:
        sys.exit(f"cannot record: {missing}")
    CASSETTES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or SCENES:
        _record(name, SCENES[name])


def _record(name: str, scene: Scene) -> None:
    client = next(bug for bug in BUGS if bug.module == scene.client).client("right")
    path = CASSETTES / f"{name}.cassette"
    with tempfile.TemporaryDirectory() as folder, _server(scene, Path(folder) / "truth") as url:
        key = Path(folder) / "key"
        key.touch(0o600)
        key.write_text(_PUBLIC_KEY, encoding="ascii")
        own = _DIALECTS.get(scene.server)
        dialect = () if own is None else ("--dialect", own)
        with recorder("record", url, "-o", path, "--redaction-key-file", key, "--force", *dialect) as server:
            error = asyncio.run(_run(client, server.url))
        if error is not None:
            sys.exit(f"{name}: {error}")
    print(f"{path.name}: {path.stat().st_size} bytes")


@contextmanager
def _server(scene: Scene, log: Path) -> Iterator[str]:
    if scene.server == "service":
        with serving_api("service", log) as served:
            yield served.url
        return
    if scene.server == "orders":
        with serving_push("sse", log) as orders:
            yield orders.url
        return
    with Lab(scene.server, log) as lab:
        lab.options(twins=False, clock=_CLOCK, **scene.options)
        yield lab.url


async def _run(client: Client, url: str) -> str | None:
    async with Clients() as clients:
        return await clients.run(client, url)


if __name__ == "__main__":
    main()
