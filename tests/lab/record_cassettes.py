"""Make the shipped cassettes again: `python -m tests.lab.record_cassettes` (or `make cassettes`).

Each is a real capture: a real CometD client against the lab, through `recorder record`. Another recording changes
times, ids of sessions and ports, but no pseudonym of a telephone number or a name.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.lab.lab import Lab, available, run_js_client
from tests.lab.processes import recorder
from tests.lab.sessions import get_chained_record, preview_session

CASSETTES = Path(__file__).parents[2] / "cassettes"
_POLL_MS = 30_000  # what GWS advises
_CLOCK = 1433915532887  # the time in the sample of the API page
# The key of the pseudonyms. Public on purpose, so that another recording has equal pseudonyms: all values of the lab
# are fictional. The key of a real recording is a secret.
_PUBLIC_KEY = "a public key, for fictional values"


def main() -> None:
    """Record all of them, over those that are there."""
    missing = available()
    if missing:
        sys.exit(f"cannot record: {missing}")
    _record("get-chained-record", get_chained_record(), chain=0)
    _record("preview-session", preview_session(), chain=2, early=1, splitMs=12)


def _record(name: str, script: dict[str, Any], **options: int | bool | str | None) -> None:
    with tempfile.TemporaryDirectory() as folder, Lab("cometd", Path(folder) / "truth", timeout_ms=_POLL_MS) as lab:
        lab.options(clock=_CLOCK, **options)
        path, key = CASSETTES / f"{name}.cassette", Path(folder) / "key"
        key.touch(0o600)
        key.write_text(_PUBLIC_KEY, encoding="ascii")
        with recorder("record", lab.url, "-o", path, "--redaction-key-file", key, "--force") as server:
            run_js_client(server.url, script)
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
