"""Secrets and personal values, planted in every form and place, recorded through the real proxy: none is kept anywhere.

The search knows nothing of our code: it undoes forms by itself.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from recorder.library.recording import load_recording
from tests.integration.captures import ADDON, RECORDS
from tests.lab.byhand import Desk
from tests.lab.lab import Lab, run_js_client
from tests.lab.processes import MITMDUMP, RECORDER, Server, recorder, serving, until
from tests.lab.sessions import preview_session
from tests.views.pages.opened import text_of

pytestmark = [pytest.mark.node, pytest.mark.once]

CASSETTES = Path(__file__).parents[2] / "cassettes"
# what each is called where it is found by its name
PLANTED = {
    "password": "hunter2-Pa55word",
    "access_token": "at-9f8e7d6c5b4a39281706",
    "refreshToken": "rt.QwErTyUiOpAsDfGh",
    "client_secret": "cs_LkJhGfDsAqWe1234",
    "apiKey": "ak-00112233445566778899",
    "sessionId": "sess-ZyXwVuTsRqPoNm",
    "phoneNumber": "+49 351 4555017",
    "GSW_PHONE": "+1 415 555 2671",
    "email": "ada.lovelace@acme-insurance.example",
    "lastName": "Featherstonehaugh-Xanthippe",
    "contact_info": "Kurfuerstenstrasse 17b, Dresden",
    "cardNumber": "4111 1111 1111 1111",
    "ssn": "078-05-1120",
}
JWT_HEAD = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")


def jwt(claims: dict[str, str]) -> str:
    return f"{JWT_HEAD}.{encoded(json.dumps(claims))}.c2lnbmF0dXJlLW9mLWl0"


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def forms() -> dict[str, Any]:
    """All that is planted, in all forms a JSON body has for it."""
    return {
        "plain": PLANTED,
        "percent": {name: quote(value, safe="") for name, value in PLANTED.items()},
        "base64": {name: base64.b64encode(value.encode()).decode() for name, value in PLANTED.items()},
        "packed": base64.b64encode(json.dumps(PLANTED).encode()).decode(),
        "jwt": jwt(PLANTED),
        "inner": json.dumps({"deep": json.dumps(PLANTED)}),
        "log": f"login of {PLANTED['email']}, call {PLANTED['GSW_PHONE']}, token={PLANTED['access_token']}",
        "userData": {"custom": PLANTED["lastName"], "note": PLANTED["contact_info"]},
        "ext": {"authentication": {"user": PLANTED["email"], "credentials": PLANTED["password"]}},
    }


def bodies() -> list[tuple[str, bytes]]:
    """All that is planted, in each form of a body that is no JSON, by its media type."""
    names = list(PLANTED)
    inner = json.dumps(PLANTED)
    elements = "".join(f"<n:{name}>{value}</n:{name}>" for name, value in PLANTED.items())
    pairs = "".join(f"<i><key>{name}</key><value>{value}</value></i>" for name, value in PLANTED.items())
    cdata = "".join(f'<a {name}="{value}"><{name}><![CDATA[{value}]]></{name}></a>' for name, value in PLANTED.items())
    document = f'<n:r xmlns:n="urn:n">{elements}{pairs}{cdata}<json>{inner}</json></n:r>'
    literals = ", ".join(f"{name}: {json.dumps(value)}" for name, value in PLANTED.items())
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'
        for name, value, more in [
            *((name, value, "") for name, value in PLANTED.items()),
            ("a", inner, "\r\nContent-Type: application/json"),
            ("b", document, '; filename="b.xml"\r\nContent-Type: text/xml'),
            ("c", base64.b64encode(inner.encode()).decode(), "\r\nContent-Transfer-Encoding: base64"),
        ]
    )
    made = [
        ("text/xml", document),
        ("text/xml; charset=utf-16", document),
        ("application/soap+xml", f"<s:Envelope><s:Body>{document}</s:Body></s:Envelope>"),
        ("multipart/form-data; boundary=b", f"{parts}--b--\r\n"),
        ("text/event-stream", f"id: 1\ndata: {inner}\n\ndata: <r>\ndata: {elements}</r>\n\n"),
        ("application/javascript", f"/**/callback({inner});"),
        ("text/javascript", f"var a = {{{literals}}};"),
        ("application/graphql", f"mutation {{ a({literals}) {{ id }} }}"),
        ("application/x-ndjson", f"{inner}\r\n\r\n{inner}\r\n"),
        ("text/csv", f"{','.join(names)}\r\n" + ",".join(f'"{value}"' for value in PLANTED.values())),
        ("text/plain", "\n".join(f"{name}: {value}" for name, value in PLANTED.items())),
        ("application/octet-stream", "\n".join(f"{name} = {value}" for name, value in PLANTED.items())),
    ]
    return [(kind, text.encode("utf-16" if "utf-16" in kind else "utf-8")) for kind, text in made]


def leaks(data: bytes) -> set[str]:
    """What is planted and found in some bytes, as it is or in a form; base64 at each of its three offsets."""
    found = set()
    for name, value in PLANTED.items():
        plain = value.encode()
        needles = {plain, quote(value, safe="").encode(), value.replace(" ", "+").encode(), json.dumps(value).encode()}
        needles |= {value.encode("utf-16-le"), value.encode("utf-16-be")}
        for lead in (b"", b"a", b"ab"):
            inside = base64.b64encode(lead + plain)[4 if lead else 0 : -4]
            needles |= {inside, inside.replace(b"+", b"-").replace(b"/", b"_")}
        if any(needle in data for needle in needles):
            found.add(name)
    return found


def plant(desk: Desk, lab: Lab, agent: str) -> None:
    """Put everything everywhere: requests, answers, events, headers, cookies, URLs, extensions, compressed bodies."""
    query = "&".join(f"{name}={quote(value)}" for name, value in PLANTED.items())
    body = {"operationName": "TellAll"} | forms()  # the lab acks what it does not know
    desk.posts(f"{RECORDS}/7?{query}", body).answer()
    packed = gzip.compress(json.dumps(body).encode())
    desk.sends("POST", f"{RECORDS}/8", packed, Content_Encoding="gzip").answer()
    form = query.encode()
    desk.sends("POST", f"{RECORDS}/9", form, Content_Type="application/x-www-form-urlencoded").answer()
    for kind, content in bodies():
        desk.sends("POST", f"{RECORDS}/9", content, Content_Type=kind).answer()
    headers = {
        "X_API_Key": PLANTED["apiKey"],
        "X_CSRF_TOKEN": PLANTED["sessionId"],
        "X_Customer": PLANTED["lastName"],
        "Authorization": f"Bearer {PLANTED['access_token']}",
        "Cookie": f"JSESSIONID={PLANTED['sessionId']}; remember={PLANTED['refreshToken']}",
        "Referer": f"http://gws.example/login?{query}",
        "X_Forwarded_For": PLANTED["phoneNumber"],
    }
    desk.sends("GET", f"/api/v2/me;jsessionid={PLANTED['sessionId']}?token={jwt(PLANTED)}", None, **headers).answer()
    desk.tells(desk.message("/service/login", data=forms(), ext=forms()["ext"])).answer()
    for data in (forms(), forms()["plain"]):
        lab.unsolicited("/v2/me/outbound", data | {"messageType": "Note"}, agent)
    desk.hears(2)


@pytest.fixture(scope="module", params=["cometd", "faye"])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(request.param, tmp_path_factory.mktemp("lab") / "truth.jsonl") as running:
        yield running


def everything(folder: Path, *servers: Server) -> bytes:
    """All that was written anywhere: files, and what the recorder said."""
    files = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    return b"\n".join([*files, *(f"{server.stdout}\n{server.stderr}".encode() for server in servers)])


def scanned(cassette: Path) -> int:
    return subprocess.run([RECORDER, "scan", cassette], capture_output=True, check=False, timeout=60).returncode


def test_what_is_planted_is_on_the_wire_and_can_be_found(lab: Lab, tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    with recorder("record", lab.url, "-o", cassette, "--no-redaction") as server:
        plant(Desk(server.url, f"clear:{PLANTED['password']}").connected(), lab, "clear")

    assert leaks(everything(tmp_path, server)) == set(PLANTED)
    assert "redaction is off" in server.stderr
    assert scanned(cassette) == 7
    again = tmp_path / "again.cassette"
    subprocess.run([RECORDER, "redact", cassette, "-o", again], check=True, timeout=60)
    assert leaks(again.read_bytes()) == set()


def test_nothing_that_is_planted_is_kept_or_told(lab: Lab, tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    with recorder("record", lab.url, "-o", cassette) as server:
        plant(Desk(server.url, f"agent:{PLANTED['password']}").connected(), lab, "agent")
    for name, arguments in {
        "ls": ["ls", "--all", "--json"], "show": ["show", "1", "--json"], "explain": ["explain", "1"],
        "doctor": ["doctor"], "textconv": ["textconv"], "timeline": ["timeline"], "stats": ["stats", "--json"],
        "report": ["report", "-o", str(tmp_path / "report.html")],
        **{kind: ["convert", "--to", kind] for kind in ("har", "mermaid", "perfetto", "jsonl", "curl", "pytest")},
    }.items():  # fmt: skip
        command, *rest = arguments
        told = subprocess.run([RECORDER, command, cassette, *rest], capture_output=True, check=False, timeout=60)
        (tmp_path / name).write_bytes(told.stdout + told.stderr)
    subprocess.run([RECORDER, "seal", cassette, "--archive", "-o", tmp_path / "a.cassette"], check=True, timeout=60)
    subprocess.run([RECORDER, "seal", cassette, "-o", tmp_path / "p.cassette"], check=True, timeout=60)

    page = text_of((tmp_path / "report.html").read_text("utf-8"))
    (tmp_path / "page").write_text(page, "utf-8")

    assert "outbound-records" in page
    assert (tmp_path / "har").stat().st_size > 10_000
    assert leaks(everything(tmp_path, server)) == set()


def test_nothing_is_kept_by_the_addon_in_a_mitmproxy_of_ones_own(lab: Lab, tmp_path: Path) -> None:
    sets = ["--set", f"cassette={tmp_path / 's.cassette'}", "--set", "flow_detail=0"]
    options = [*sets, "--mode", f"reverse:{lab.url}", "--listen-host=127.0.0.1", "-p0"]
    with serving([MITMDUMP, "-s", str(ADDON), *options], ready="listening at") as server:
        url = f"http://{server.url.removeprefix('http://')}"
        plant(Desk(url, f"addon:{PLANTED['password']}").connected(), lab, "addon")

    assert leaks((tmp_path / "s.cassette").read_bytes()) == set()


def test_nothing_is_on_the_disk_of_a_recorder_that_is_killed(lab: Lab, tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    with recorder("record", lab.url, "-o", cassette) as server:
        plant(Desk(server.url, f"killed:{PLANTED['password']}").connected(), lab, "killed")
        until(lambda: cassette.stat().st_size > 20_000, "most of it is on the disk")
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()

    assert leaks(everything(tmp_path, server)) == set()


def test_nothing_is_told_by_a_recorder_whose_disk_is_full(lab: Lab, tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    limited = ["bash", "-c", 'ulimit -f 24; exec "$0" "$@"', RECORDER, "record", lab.url, "-o", str(cassette)]
    with serving(limited, ready="listening on ") as server:
        desk = Desk(server.url, f"full:{PLANTED['password']}")
        until(lambda: _fails(desk), "the disk is full")

    assert "stopping" in server.stderr
    assert leaks(everything(tmp_path, server)) == set()


def _fails(desk: Desk) -> bool:
    try:
        return desk.posts(f"{RECORDS}/7", forms()).answer().status >= 500
    except OSError:
        return True


def test_nothing_is_kept_of_what_goes_over_a_websocket(tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    with Lab("faye", tmp_path / "truth.jsonl") as lab, recorder("record", lab.url, "-o", cassette) as proxy:
        desk = Desk(proxy.url)
        socket = desk.opens_socket()
        socket.tells(desk.handshake(authentication=forms()["ext"]["authentication"]))
        desk.client_id = socket.hears("/meta/handshake")["clientId"]
        socket.tells(desk.subscription("/v2/me/outbound"))
        socket.hears("/meta/subscribe")
        socket.tells(desk.message("/service/login", data=forms()))
        socket.hears("/service/login")
        socket.tells(desk.connect(kind="websocket"))
        lab.unsolicited("/v2/me/outbound", forms())
        told = socket.hears("/v2/me/outbound")
        socket.abort()

    (tmp_path / "truth.jsonl").unlink()
    assert told["data"]["plain"] == PLANTED  # what passes is not touched
    assert leaks(everything(tmp_path, proxy)) == set()


def test_a_redacted_recording_plays_whole_to_a_client_that_sends_the_real_values(lab: Lab, tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    lab.options(chain=2)
    with recorder("record", lab.url, "-o", cassette) as proxy:
        seen = run_js_client(proxy.url, preview_session("live-", 0.0))
    with recorder("replay", cassette, "--rate", "instant") as standin:
        played = run_js_client(standin.url, preview_session("mine-", 0.0))

    assert b"555-0101" not in cassette.read_bytes()
    assert standin.code == 0, standin.stderr
    kinds = [[(line["step"], line["channel"]) for line in lines if line["kind"] == "event"] for lines in (seen, played)]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("name", ["preview-session", "get-chained-record"])
def test_a_shipped_cassette_that_is_redacted_plays_whole_to_its_own_client(name: str, tmp_path: Path) -> None:
    original, cassette = CASSETTES / f"{name}.cassette", tmp_path / "s.cassette"
    subprocess.run([RECORDER, "redact", original, "-o", cassette], check=True, timeout=60)
    scanned = subprocess.run([RECORDER, "scan", cassette], check=False, timeout=60)
    with recorder("replay", cassette, "--rate", "instant") as standin:
        desk = Desk(standin.url).connected()
        acks = [desk.asks(t.request.target, t.request.body).status for t in load_recording(original).triples]

    assert scanned.returncode == 0
    assert set(acks) == {200}
    assert standin.code == 0, standin.stderr
