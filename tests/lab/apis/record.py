"""Make the cassettes of the labs again, with their truth: `python -m tests.lab.apis.record`.

Each is a real capture: real clients against a lab, through `recorder record`. Beside NAME.cassette is NAME.truth.json,
which says which request caused each event.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.lab.apis.lab import Api, play, serving_api
from tests.lab.lab import available
from tests.lab.processes import RECORDER, recorder
from tests.lab.truth import joined, write

CASSETTES = Path(__file__).parents[2] / "cassettes" / "labs"
# The key of the pseudonyms. Public on purpose, so that another recording has equal ones: all values are fictional.
_PUBLIC_KEY = "a public key, for fictional values"


def main() -> None:
    """Record all of them, over those that are there."""
    missing = available()
    if missing:
        sys.exit(f"cannot record: {missing}")
    CASSETTES.mkdir(exist_ok=True)
    for api in sys.argv[1:] or ("parcels", "workspace"):
        _record_api(api)  # type: ignore[arg-type]  # what is no API is refused by the server


def _record_api(api: Api) -> None:
    with tempfile.TemporaryDirectory() as folder, serving_api(api, Path(folder) / "truth.jsonl") as served:
        record(api, served.url, served.log, lambda url: print(play(api, url)))


def record(name: str, url: str, log: Path, work: Callable[[str], None]) -> None:
    """Record what `work` does at the URL it is given, and write the cassette and its truth."""
    path = CASSETTES / f"{name}.cassette"
    key = log.with_name("key")
    key.touch(0o600)
    key.write_text(_PUBLIC_KEY, encoding="ascii")
    with recorder("record", url, "-o", path, "--redaction-key-file", key, "--force") as server:
        work(server.url)
    if server.code:
        sys.exit(server.stderr)
    subprocess.run([RECORDER, "seal", "--archive", path], check=True)
    truth = joined(path, [json.loads(line) for line in log.read_text().splitlines()])
    write(path.with_suffix(".truth.json"), truth)
    print(f"{path.name}: {path.stat().st_size} bytes, {len(truth)} events")


if __name__ == "__main__":
    main()
