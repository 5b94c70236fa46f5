"""Archives of one session as nine tools write them, each with five oddities.

The shapes are made after the sources that each row names: published formats, the tools' own code, or reports of users.
"Never seen live" says that no file of the tool itself was at hand when the row was written.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import Any

from tests.importers.session import HOST, SESSION, Exchange, archive, at, entry

ASIDE = Exchange(700, 710, "GET", "/aside", "", "x")  # the exchange that an oddity happens to
CDN = "https://cdn.example"
NEVER = "never seen live"


@dataclass(frozen=True)
class Row:
    """A tool: how it writes the session, where that is known from, and what of its oddities is to be told.

    Attributes:
        file: The content of the file.
        source: A document, code or report that shows the shape.
        seen: Whether a file of the tool itself was imported, and where.
        left_out: What is left out, by reason.
        guessed: Which times are guessed, by reason.
        more: Exchanges in the cassette beside those of the session.
    """

    file: Callable[[], bytes]
    source: str
    seen: str
    left_out: dict[str, int]
    guessed: dict[str, int]
    more: int


def odd(host: str = HOST, path: str = "/aside", **own: Any) -> dict[str, Any]:
    return entry(Exchange(ASIDE.start, ASIDE.end, "GET", path, "", "x"), host, **own)


def nothing(**own: Any) -> dict[str, Any]:
    """A response that never came."""
    return {"status": 0, "statusText": "", "httpVersion": "", "headers": [], "cookies": [], "content": {}, **own}


def encoded(text: str) -> dict[str, Any]:
    return {"text": base64.b64encode(text.encode()).decode(), "encoding": "base64"}


def to_json(entries: list[Any], creator: str, **log: Any) -> bytes:
    return json.dumps(archive(entries, creator, **log)).encode()


def chrome() -> bytes:
    entries = []
    for found in SESSION:
        one = entry(found, _connectionId="29", _initiator={"type": "script"}, _priority="High", _resourceType="xhr")
        one["request"]["httpVersion"] = one["response"]["httpVersion"] = "http/2.0"
        one["request"]["headers"] += [
            {"name": ":authority", "value": "gws.example"},
            {"name": ":method", "value": found.method},
        ]
        one["response"] |= {"_transferSize": 100, "_error": None}
        one["timings"] |= {"blocked": 0, "dns": -1, "ssl": -1, "connect": -1, "_blocked_queueing": 0.2}
        entries.append(one)
    copy = entry(SESSION[3])
    copy["response"]["_fetchedViaServiceWorker"] = True
    error = {"type": "error", "time": at(705).timestamp(), "opcode": -1, "data": "net::ERR_CONNECTION_REFUSED"}
    failed = {"response": nothing(_error=None), "_resourceType": "websocket", "_webSocketMessages": [error]}
    aborted = odd(response=nothing(_error="net::ERR_ABORTED"))
    preflight = entry(Exchange(700, 705, "OPTIONS", "/aside", "", ""))
    extension = odd("chrome-extension://abcdef", "/page.js")
    return to_json([*entries, copy, odd("wss://gws.example", **failed), aborted, preflight, extension], "WebInspector")


def firefox() -> bytes:
    zone = timezone(timedelta(hours=1))
    entries = []
    for found in SESSION:
        one = entry(found, _securityState="secure", connection="443", pageref="page_1")
        one["startedDateTime"] = at(found.start).astimezone(zone).isoformat(timespec="milliseconds")
        one["timings"] |= {"blocked": 0, "dns": 0, "connect": 0, "ssl": 0}
        if found.body:
            one["request"]["postData"] |= {"params": []}
        entries.append(one)
    without = odd()
    without["response"]["content"] = {"mimeType": "text/plain", "size": 70, "comment": "Response body is not included."}
    return to_json(
        [
            *entries, odd(response={}), odd(startedDateTime=None), without, odd("data:text/plain,x", ""),
            odd("wss://gws.example", response=nothing(status=101)),
        ],
        "Firefox",
    )  # fmt: skip


def safari() -> bytes:
    entries = []
    for found in SESSION:
        one = entry(found, _priority="high", connection="7")
        one["time"] = found.end - found.start + 0.000244140625
        one["request"]["httpVersion"] = one["response"]["httpVersion"] = ""
        one["response"]["content"]["compression"] = 0
        entries.append(one)
    aborted, early = odd(response=nothing(status=-1)), odd(startedDateTime="")
    lines = odd()
    lines["response"]["content"] = {"size": 90, "text": base64.encodebytes(b"x" * 90).decode(), "encoding": "base64"}
    return to_json(
        [*entries, aborted, early, lines, odd("blob:https://gws.example", "/1"), odd(CDN)], "WebKit Web Inspector"
    )


def charles() -> bytes:
    entries = []
    for found in SESSION:
        one = entry(found, "https://GWS.example:443", connection="55")
        if found.answer:
            one["response"]["content"] |= encoded(found.answer)
        entries.append(one)
    packed = odd()
    packed["response"]["headers"].append({"name": "Content-Encoding", "value": "gzip"})
    text = base64.b64encode(gzip.compress(b"x")).decode()
    packed["response"]["content"] = {"size": 21, "text": text, "encoding": "base64"}
    tunnel = odd()
    tunnel["request"] |= {"method": "CONNECT", "url": "https://gws.example:443"}
    number = odd()
    number["response"]["headers"].append({"name": "Content-Length", "value": 1})
    return to_json([*entries, packed, tunnel, number, odd(response=None), odd(request=None)], "Charles Proxy")


def fiddler() -> bytes:
    entries = []
    for found in SESSION:
        one = entry(found, connection="ClientPort:1;EgressPort:2", comment="")
        one["startedDateTime"] = at(found.start).strftime("%Y-%m-%dT%H:%M:%S.%f0+00:00")
        one["timings"] |= {"dns": -1, "connect": -1, "ssl": -1, "blocked": -1, "comment": ""}
        entries.append(one)
    tunnel = odd()
    tunnel["request"] |= {"method": "CONNECT", "url": "https://gws.example:443/"}
    form = odd(
        request={"method": "POST", "url": f"{HOST}/aside", "postData": {"params": [{"name": "a", "value": "b%20c"}]}}
    )
    never = odd(startedDateTime="0001-01-01T00:00:00", time=-63_900_000_000_000, timings={}, response=nothing())
    empty = odd()
    empty["request"]["url"] = ""
    return b"\xef\xbb\xbf" + to_json([*entries, tunnel, form, never, empty, odd(CDN)], "Fiddler")


def insomnia() -> bytes:
    entries = []
    for found in SESSION:
        one = entry(found, pageref="page")
        one["timings"] = {
            "blocked": -1,
            "dns": -1,
            "connect": -1,
            "ssl": -1,
            "send": 0,
            "receive": 0,
            "wait": one["time"],
        }
        entries.append(one)
    unsent = odd(response=nothing(), time=0, timings={"wait": 0})
    template = odd()
    template["request"]["url"] = "{{ host }}/aside"
    lower, files, absent = odd(), odd(), odd(CDN)
    lower["request"]["method"] = "get"
    part = {"name": "file", "fileName": "a.txt", "contentType": "text/plain", "value": "x"}
    media = "multipart/form-data; boundary=b"
    files["request"] |= {"method": "POST", "postData": {"mimeType": media, "params": [part]}}
    return to_json([*entries, unsent, template, lower, files, absent], "Insomnia REST Client")


def proxyman() -> bytes:
    entries = []
    for found in SESSION:
        one = entry(found, "https://gws.example.")
        if found.body:
            one["request"]["postData"] |= encoded(found.body)
        entries.append(one)
    frames = [
        {"type": "send", "time": at(701).timestamp(), "opcode": 1, "data": "hello"},
        {"type": "send", "time": at(702).timestamp(), "opcode": 9, "data": ""},
        {"type": "receive", "time": at(703).timestamp(), "opcode": 2, "data": "!"},
        {
            "type": "receive",
            "time": at(704).timestamp(),
            "opcode": 8,
            "data": base64.b64encode(b"\x03\xe9bye").decode(),
        },
    ]
    socket = odd("wss://gws.example", response=nothing(status=101), _webSocketMessages=frames)
    broken = odd()
    broken["response"]["content"] = {"size": 3, "text": "!!!", "encoding": "base64"}
    return to_json([*entries, socket, broken, None, odd(time="10"), odd(CDN)], "Proxyman").decode().encode("utf-16")


def playwright() -> bytes:
    files: dict[str, str] = {}
    entries = []
    for number, found in enumerate(SESSION):
        one = entry(found, time=-1, timings={"send": -1, "wait": -1, "receive": -1}, _monotonicTime=1.5)
        for holder, body in ((one["request"].get("postData"), found.body), (one["response"]["content"], found.answer)):
            if holder and body:
                del holder["text"]
                holder["_file"] = f"{number}-{len(files)}.json"
                files[holder["_file"]] = body
        entries.append(one)
    minimal = {"time": -1, "timings": {}}
    failed = odd(response=nothing(status=-1, _failureText="net::ERR_FAILED"), **minimal)
    aborted, lost, outside = (
        odd(response=nothing(status=-1), _wasAborted=True, **minimal),
        odd(**minimal),
        odd(**minimal),
    )
    lost["response"]["content"] = {"size": 9, "_file": "gone.json"}
    outside["response"]["content"] = {"size": 9, "_file": "../har.har"}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, body in files.items():
            zipped.writestr(name, body)
        zipped.writestr(
            "har.har", to_json([*entries, failed, aborted, lost, outside, odd(CDN, **minimal)], "Playwright")
        )
    return packed.getvalue()


def mitmproxy() -> bytes:
    entries = []
    for found in SESSION:
        one = entry(found, serverIPAddress="127.0.0.1")
        one["startedDateTime"] = at(found.start).isoformat()
        one["timings"] = {"connect": -1.0, "ssl": -1.0, "send": 0.1, "receive": 0.2, "wait": one["time"] - 0.3}
        if found.body:
            one["request"]["postData"]["params"] = []
        entries.append(one)
    tunnel = odd()
    tunnel["request"] |= {"method": "CONNECT", "url": "https://https://gws.example:443/"}
    failed, slack = odd(response=nothing(_error="Client disconnected.")), odd()
    slack["request"]["headers"] = [["Accept", "*/*"], ["broken"]]
    nan = odd(time=float("nan"))
    return zlib.compress(to_json([*entries, tunnel, failed, slack, nan, odd(CDN)], "mitmproxy"), 9)


_DEVTOOLS = "https://chromium.googlesource.com/devtools/devtools-frontend: front_end/models/har/Log.ts"
CORPUS = {
    "Chrome": Row(
        chrome, _DEVTOOLS, NEVER, {"not-http": 1, "service-worker-copy": 1}, {}, 3,
    ),
    "Firefox": Row(
        firefox,
        "https://searchfox.org/mozilla-central: devtools/client/netmonitor/src/har/har-builder.js; "
        "https://github.com/firefox-devtools/har-export-trigger/issues/7",
        NEVER, {"not-http": 1, "no-body": 1, "no-socket-messages": 1}, {"no-start": 1, "no-end": 1}, 4,
    ),
    "Safari": Row(
        safari,
        "https://github.com/WebKit/WebKit: Source/WebInspectorUI/UserInterface/Controllers/HARBuilder.js",
        NEVER, {"not-http": 1, "other-server": 1}, {"no-start": 1, "no-end": 1}, 3,
    ),
    "Charles": Row(
        charles,
        "https://www.charlesproxy.com/documentation/version-history/ (HAR export); "
        "https://github.com/nccgroup/LoggerPlusPlus/issues/216 (incomplete calls)",
        NEVER, {"tunnel": 1, "no-request": 1}, {}, 3,
    ),
    "Fiddler": Row(
        fiddler,
        "https://docs.telerik.com/fiddler/save-and-load-traffic/tasks/exporthttparchive; the byte order mark: "
        "https://github.com/mitmproxy/mitmproxy: mitmproxy/io/io.py",
        NEVER, {"tunnel": 1, "no-url": 1, "other-server": 1}, {"no-start": 1}, 2,
    ),
    "Insomnia": Row(
        insomnia,
        "https://github.com/Kong/insomnia: packages/insomnia/src/common/har.ts",
        NEVER, {"no-url": 1, "other-server": 1}, {}, 3,
    ),
    "Proxyman": Row(
        proxyman,
        "https://github.com/ProxymanApp/Proxyman/issues/892, issues/911",
        NEVER,
        {"no-object": 1, "other-server": 1, "bad-body": 1, "bad-socket-message": 1, "control-frame": 1}, {}, 3,
    ),
    "Playwright": Row(
        playwright,
        "https://github.com/microsoft/playwright: packages/playwright-core/src/server/har/harTracer.ts; "
        "https://github.com/microsoft/playwright/issues/32016",
        "tests/integration/test_exchange.py, in its full mode",
        {"other-server": 1, "no-body-file": 2}, {"no-end": 14}, 4,
    ),
    "mitmproxy": Row(
        mitmproxy,
        "https://github.com/mitmproxy/mitmproxy: mitmproxy/addons/savehar.py",
        "tests/importers/test_flows.py, by its own writer",
        {"tunnel": 1, "other-server": 1}, {"from-timings": 1}, 3,
    ),
}  # fmt: skip
