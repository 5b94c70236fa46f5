"""Make the cassettes of the labs again, with their truth: `python -m tests.lab.apis.record [NAME…]`.

Each is a real capture: real clients against a lab, through `recorder record`. Beside NAME.cassette is NAME.truth.json,
which says which request caused each event.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from recorder.dialect.definition import DEFAULT, Dialect
from tests.lab.apis.lab import DIALECTS, Api, play, serving_api
from tests.lab.lab import Lab, available, run_js_client
from tests.lab.processes import RECORDER, recorder
from tests.lab.push import lab as push
from tests.lab.salesforce import lab as salesforce
from tests.lab.sessions import CUSTOMER, DRIVEN, days_work, driven_session
from tests.lab.truth import joined, write

CASSETTES = Path(__file__).parents[2] / "cassettes" / "labs"
_CLOCK = 1433915532887  # the time in the sample of the API page of GWS
Work = Callable[[str], object]


def main() -> None:
    """Record all of them, over those that are there."""
    missing = available()
    if missing:
        sys.exit(f"cannot record: {missing}")
    labs: dict[str, Callable[[Path], None]] = {
        "parcels": partial(_record_api, "parcels"),
        "workspace": partial(_record_api, "workspace"),
        "service": _record_service,
        "chain": partial(_record_strict, "chain"),
        "transfer": partial(_record_strict, "transfer"),
        "gws": _record_gws,
        "desk": partial(_record_desk, "cometd", "long-polling"),
        "desk-websocket": partial(_record_desk, "faye", "websocket"),
        "desk-redacted": _record_redacted,
        "salesforce": _record_salesforce,
        "orders-sse": partial(_record_orders, "sse", "httpx-sse"),
        "orders-socket": partial(_record_orders, "socket", "ws"),
    }
    CASSETTES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or labs:
        with tempfile.TemporaryDirectory() as folder:
            labs[name](Path(folder) / "truth.jsonl")


def _record_api(api: Api, log: Path) -> None:
    with serving_api(api, log) as served:
        record(api, served.url, log, partial(play, api))


def _record_service(log: Path) -> None:
    with serving_api("service", log) as served:
        record("service", served.url, log, partial(play, "service"), dialect="cometd-service")


def _record_strict(api: Api, log: Path) -> None:
    with serving_api(api, log) as served:
        record(api, served.url, log, partial(play, api), dialect=str(DIALECTS / f"{api}.toml"))


def _record_gws(log: Path) -> None:
    with Lab("cometd", log) as lab:
        lab.options(clock=_CLOCK, chain=2, early=1, unasked=True)
        record("gws", lab.url, log, lambda url: run_js_client(url, days_work()))


def _record_desk(bayeux: Literal["cometd", "faye"], transport: str, log: Path) -> None:
    name = "desk-websocket" if transport == "websocket" else "desk"
    with Lab(bayeux, log) as lab:
        lab.options(**DRIVEN)
        # Without a truth: what one desktop publishes and another hears is none of the lab's business.
        _captured(name, lab.url, lambda url: run_js_client(url, driven_session(transport=transport)))


def _record_redacted(_: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, Lab("cometd", Path(folder) / "truth") as lab:
        lab.options(**DRIVEN)
        path, key = CASSETTES / "desk-redacted.cassette", Path(folder) / "key"
        key.touch(0o600)
        key.write_text("a public key, for fictional values", encoding="ascii")
        with recorder("record", lab.url, "-o", path, "--redaction-key-file", key, "--force") as server:
            run_js_client(server.url, driven_session(**CUSTOMER))
        subprocess.run([RECORDER, "seal", "--archive", path], check=True)


def _record_salesforce(log: Path) -> None:
    with salesforce.serving_org(log) as org:
        script = {**salesforce.SESSION, "stay": True}
        record("salesforce", org.url, log, lambda url: salesforce.play("jsforce", url, script))


def _record_orders(transport: push.Transport, library: str, log: Path) -> None:
    with push.serving_push(transport, log) as served:
        work = partial(push.play, library, given=push.pair(transport, "desk-"))
        own = ("--dialect", str(push.HERE / "dialects" / "orders.toml"))
        _captured(f"orders-{transport}", served.url, work, *own)


def record(name: str, url: str, log: Path, work: Work, *, dialect: str = DEFAULT) -> None:
    """Record what `work` does at the URL it is given, and write the cassette and its truth.

    The dialect says which publishes are requests; one of a file is that of the cassette too.
    """
    own = ["--dialect", dialect] if dialect.endswith(".toml") else []
    path = _captured(name, url, work, *own)
    truth = joined(path, [json.loads(line) for line in log.read_text().splitlines()], Dialect.load(dialect))
    write(path.with_suffix(".truth.json"), truth)
    print(f"{path.name}: {path.stat().st_size} bytes, {len(truth)} events")


def _captured(name: str, url: str, work: Work, *options: str) -> Path:
    path = CASSETTES / f"{name}.cassette"
    # All values are fictional, and the truth knows them as they are.
    with recorder("record", url, "-o", path, "--no-redaction", "--force", *options) as server:
        work(server.url)
    if server.code:
        sys.exit(server.stderr)
    subprocess.run([RECORDER, "seal", "--archive", path], check=True)
    return path


if __name__ == "__main__":
    main()
