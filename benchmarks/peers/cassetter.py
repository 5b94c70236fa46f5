"""A desk of tests/lab/push on Python's clients, in a process where cassetter stands between them and the network.

    python -m benchmarks.peers.cassetter record FILE LIBRARY URL < script.json
    python -m benchmarks.peers.cassetter replay[-body] FILE LIBRARY URL < script.json
    python -m benchmarks.peers.cassetter add FILE < streams.json

It hands out an answer when it has it whole, so that a client behind it would wait for the first event of an endless
stream forever. Hence streams pass it by while it records, and are added afterwards, each with all that it carried: it
plays them as it would if it had recorded them. `replay-body` compares bodies and what is said on sockets, too.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

PACKAGES = Path(__file__).with_name("site-packages")
LOCK = Path(__file__).with_name("requirements.txt")
_STREAMS = "/events"


def missing() -> str | None:
    """Why it cannot be here, None if it can."""
    return None if (PACKAGES / "cassetter").is_dir() else "cassetter is not installed (`make bench` installs it)"


def main(mode: str, file: str, *desk: str) -> None:
    sys.path.append(str(PACKAGES))
    from cassetter import RawRequest, SkipRecording, use_cassette

    def past(request: RawRequest) -> RawRequest:
        if request.uri.endswith(_STREAMS):
            raise SkipRecording
        return request

    options: dict[str, dict[str, Any]] = {
        "record": {"record_mode": "all", "before_record_request": past},
        "add": {"record_mode": "new_episodes"},
        "replay": {"record_mode": "none"},
        "replay-body": {"record_mode": "none", "match_on": ["method", "uri", "body"]},
    }
    with use_cassette(file, intercept=["httpx", "websockets"], **options[mode]) as cassette:
        if mode == "add":
            for uri, body in json.load(sys.stdin):
                type_ = {"content-type": ["text/event-stream"]}
                cassette.record("GET", uri, {}, None, 200, type_, body.encode())
            return
        from tests.lab.push import desk as played  # it takes the functions that are patched by now

        sys.argv[1:] = desk
        asyncio.run(played.main())


if __name__ == "__main__":
    main(*sys.argv[1:])
