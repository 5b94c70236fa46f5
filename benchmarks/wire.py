"""A server and a client that do as little as can be, each in a process of its own: what is between them shows its cost.

    python -m benchmarks.wire serve            # prints `listening on http://127.0.0.1:PORT`
    python -m benchmarks.wire load URL --exchanges N --connections N     # prints how long each took, as JSON

An exchange is an operation or a poll that brings its two events, in turn, as a desktop's are; with `--bodies other` the
operation and its answer are SOAP, and the events a stream of server-sent events.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from urllib.parse import urlsplit

_EVENTS = [
    {
        "channel": "/v2/me/outbound",
        "data": {
            "record": {
                "devicePath": "/devices/c259da54-7c22-4a43-9440-77a92facc86b", "callingList": "CallingList1",
                "applicationId": 134, "recordHandle": 7, "campaignName": "Campaign1", "phoneNumber": "555-0101",
                "userData": {"GSW_PHONE": "555-0101", "GSW_CHAIN_ID": 1, "customer_name": "Ada Example"},
            },
            "notificationType": "ChainedRecordsDataEnd", "messageType": "OutboundRecordMessage", "referenceId": "1",
        },
    },
    {
        "channel": "/me/internal",
        "data": {
            "metrics": {"eventProcessing": {"serverGenerationTimestamp": 1433915532887, "nodeProcessingTimeNanos": 6}},
            "userData": {
                "GSW_APPLICATION_ID": 134, "GSW_RECORD_HANDLE": 7, "GSW_USER_EVENT": "ChainedRecordsDataEnd",
                "GSW_CALLING_LIST": "CallingList1", "GSW_CAMPAIGN_NAME": "Campaign1", "GSW_CHAIN_ID": 1,
            },
            "deviceId": "c259da54-7c22-4a43-9440-77a92facc86b", "messageType": "DeviceUserEventMessage",
        },
    },
    {"channel": "/meta/connect", "successful": True, "id": "16"},
]  # fmt: skip
_OPERATION = {
    "devicePath": "/devices/c259da54-7c22-4a43-9440-77a92facc86b", "operationName": "UpdateRecord",
    "applicationId": 134, "campaignName": "Campaign1", "callingList": "CallingList1", "phoneNumber": "555-0101",
}  # fmt: skip
_POLL = [{"channel": "/meta/connect", "connectionType": "long-polling", "clientId": "c1a2b3c4d5e6f7", "id": "16"}]


def _answer(text: str, media: str = "application/json;charset=UTF-8") -> bytes:
    body = text.encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _json(content: object) -> str:
    return json.dumps(content, separators=(",", ":"))


def _xml(content: object) -> str:
    """The same members as elements."""
    match content:
        case dict():
            return "".join(f"<{name}>{_xml(inner)}</{name}>" for name, inner in content.items())
        case list():
            return "".join(f"<item>{_xml(inner)}</item>" for inner in content)
    return str(content)


def _soap(content: object) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
        'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">'
        f"<soapenv:Body><update>{_xml(content)}</update></soapenv:Body></soapenv:Envelope>"
    )


_ACK, _PUSHED = _answer(_json({"statusCode": 0})), _answer(_json(_EVENTS))
_SOAP = _answer(_soap(_EVENTS[0]), "text/xml; charset=UTF-8")
_STREAM = _answer("".join(f"event: message\ndata: {_json(one)}\n\n" for one in _EVENTS), "text/event-stream")
_ANSWERS = {b"/notifications": _PUSHED, b"/soap": _SOAP, b"/stream": _STREAM}


async def _serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
            await reader.readexactly(length)
            path = head[: head.index(b"\r\n")]
            writer.write(next((answer for part, answer in _ANSWERS.items() if part in path), _ACK))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _serve() -> None:
    server = await asyncio.start_server(_serve_one, "127.0.0.1", 0)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def _request(host: str, number: int, *, other: bool) -> bytes:
    poll, media = number % 2, "application/json"
    operation = _OPERATION | {"referenceId": f"desk-{number}"}
    if other and poll:
        method, path, body = "GET", "/api/v2/stream", b""
    elif other:
        method, path, media, body = "POST", "/api/v2/soap", "text/xml; charset=UTF-8", _soap(operation).encode()
    else:
        method = "POST"
        path = "/api/v2/notifications/connect" if poll else f"/api/v2/me/outbound-records/{1000 + number % 500}"
        body = _json(_POLL if poll else operation).encode()
    headers = {
        "Host": host, "Content-Type": media, "Accept": "*/*", "Content-Length": str(len(body)),
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
        "Authorization": "Basic YWdlbnQxOnNlY3JldDE=",
        "Cookie": "JSESSIONID=node01abcdefghijklmnop.node0; BAYEUX_BROWSER=1a2b3c4d5e6f",
    }  # fmt: skip
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    return head.encode() + body


async def _load_one(host: str, port: int, exchanges: int, took: list[float], *, other: bool) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    for number in range(exchanges):
        begun = time.perf_counter()
        writer.write(_request(f"{host}:{port}", number, other=other))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
        took.append(time.perf_counter() - begun)
    writer.close()


async def _load(url: str, exchanges: int, connections: int, *, other: bool) -> dict[str, object]:
    """Seconds in all, and seconds each exchange took; all connections are busy until the end."""
    address = urlsplit(url)
    took: list[float] = []
    begun = time.perf_counter()
    host, port = address.hostname or "127.0.0.1", address.port or 80
    each = exchanges // connections
    await asyncio.gather(*(_load_one(host, port, each, took, other=other) for _ in range(connections)))
    return {"seconds": time.perf_counter() - begun, "took": took}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["serve", "load"])
    parser.add_argument("url", nargs="?", default="")
    parser.add_argument("--exchanges", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--bodies", choices=["json", "other"], default="json")
    options = parser.parse_args()
    if options.what == "serve":
        asyncio.run(_serve())
    else:
        is_other = options.bodies == "other"
        print(json.dumps(asyncio.run(_load(options.url, options.exchanges, options.connections, other=is_other))))


if __name__ == "__main__":
    main()
