"""Writes flows for mitmproxy's replay: `python -m benchmarks.peers.flows FILE`, of target, body and ack as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mitmproxy.http import HTTPFlow, Request, Response
from mitmproxy.io import FlowWriter
from mitmproxy.test.tflow import tclient_conn, tserver_conn

_TYPE = {"Content-Type": "application/json;charset=UTF-8"}


def main(path: Path) -> None:
    with path.open("wb") as file:
        writer = FlowWriter(file)
        for target, body, ack in json.load(sys.stdin):
            flow = HTTPFlow(tclient_conn(), tserver_conn())
            flow.request = Request.make("POST", f"http://gws.example:8090{target}", body, _TYPE)
            flow.response = Response.make(200, ack, _TYPE)
            writer.add(flow)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
