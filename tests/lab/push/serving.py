"""What the servers in Python have in common: their options, and uvicorn with a readiness line."""

from __future__ import annotations

import argparse
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn


def options(text: str | None) -> argparse.Namespace:
    """Parse `--log` and `--port`."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    return parser.parse_args()


def serve(app: Any, port: int) -> None:
    """Serve an ASGI application until it is interrupted."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        print(f"listening on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, lifespan="auto")
        with suppress(KeyboardInterrupt):  # it is how a test ends it
            uvicorn.Server(config).run([listening])
