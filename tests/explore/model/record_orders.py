"""Record the session of cassettes/preview-session from real servers, and write the orders that they showed.

    python -m tests.explore.model.record_orders [NAME=CASSETTE…]

The lab runs on cometd-nodejs-server and on faye, with other options each time, and with a desktop that waits for events
or does not. Orders of other servers come from cassettes of the same session, which are named; what is not recorded anew
stays.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from recorder.cassette.reader import read
from recorder.dialect.carried import dialect_of
from recorder.library.recording import load_recording
from tests.explore.model.facts import Facts, facts_of
from tests.explore.model.law import judged
from tests.explore.model.moments import marks, of_records
from tests.explore.model.orders import KEPT, Step, kept, order_seen, renamed, to_text, write
from tests.explore.model.trials import ROOT
from tests.lab.lab import Lab, run_js_client
from tests.lab.processes import recorder
from tests.lab.sessions import preview_session

BASE = ROOT / "cassettes" / "preview-session.cassette"
_RUNS: dict[str, tuple[Literal["cometd", "faye"], bool, dict[str, Any]]] = {
    "nodejs-ack-first": ("cometd", True, {"chain": 2}),
    "nodejs-events-first": ("cometd", True, {"chain": 2, "early": "all"}),
    "nodejs-two-early": ("cometd", True, {"chain": 2, "early": 2, "splitMs": 8}),
    "nodejs-twins-last": ("cometd", True, {"chain": 2, "early": 3, "twinsLast": True}),
    "nodejs-hurry": ("cometd", False, {"chain": 2, "splitMs": 30, "delayMs": 25}),
    "nodejs-hurry-late-acks": ("cometd", False, {"chain": 2, "early": 2, "splitMs": 15, "ackDelayMs": 120}),
    "nodejs-hurry-at-once": ("cometd", False, {"chain": 2, "delayMs": 60}),
    "faye-ack-first": ("faye", True, {"chain": 2}),
    "faye-events-first": ("faye", True, {"chain": 2, "early": "all", "splitMs": 10}),
    "faye-hurry": ("faye", False, {"chain": 2, "splitMs": 20, "delayMs": 30}),
}


def main() -> None:
    """Record all runs, and read the cassettes that are named."""
    recording = load_recording(BASE)
    base = facts_of(recording, dialect_of(recording.header))
    found = kept(KEPT) if KEPT.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (bayeux, waits, options) in _RUNS.items():
            path = Path(folder) / f"{name}.cassette"
            _record(path, bayeux, options, waits=waits)
            found[name] = _order(path, base)
    for argument in sys.argv[1:]:
        name, _, file = argument.partition("=")
        found[name] = _order(Path(file), base)
    write(KEPT, found)
    for name, order in found.items():
        print(f"{name}: {to_text(order)}")


def _record(path: Path, bayeux: Literal["cometd", "faye"], options: dict[str, Any], *, waits: bool) -> None:
    script = preview_session(think=0.1 if waits else 0.0)
    if not waits:
        for step in script["steps"]:
            step["events"] = 0
        script["steps"].append({"method": "GET", "path": "/api/v2/me", "timeout": 10, "think": 1.0})  # the rest comes
    with Lab(bayeux, path.with_suffix(".jsonl")) as lab:
        lab.options(**options)
        with recorder("record", lab.url, "-o", path, "--no-redaction") as server:
            run_js_client(server.url, script)


def _order(path: Path, base: Facts) -> list[Step]:
    recording = load_recording(path)
    moments = of_records(read(path).records)
    facts = facts_of(recording, dialect_of(recording.header), **marks(moments))
    judge = judged(facts, moments, sessions={"": next(iter(recording.session_starts))})
    if judge.found:
        raise SystemExit(f"{path.name}: against the rules: {judge.found}")
    return renamed(order_seen(judge), facts, base)


if __name__ == "__main__":
    main()
