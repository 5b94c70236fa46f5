"""Looks for values in what was redacted, in any form, without the code that redacts; and secrets to plant."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from html import unescape
from typing import Any
from urllib.parse import quote, unquote_to_bytes
from xml.sax.saxutils import escape, quoteattr

from recorder.model import Chunk, Failure, Note, Record, Request, Response, SocketMessage

_DEEPEST = 5
_RUN = re.compile(rb"[A-Za-z0-9+/_-]{8,}")
_ESCAPE = re.compile(rb"\\u([0-9a-fA-F]{4})")


def found_in(data: bytes, values: Iterable[str]) -> set[str]:
    """Which of the values stand in the bytes: as they are, or in any form, one in another.

    The forms are percent-encoding, escapes of JSON and XML, base64, quoted-printable, lines of data of an event stream,
    and UTF-16.
    """
    forms = [form.lower() for form in _forms(data, _DEEPEST)]
    return {value for value in values if any(value.lower().encode() in form for form in forms)}


def _forms(data: bytes, deepest: int) -> Iterator[bytes]:
    yield data
    if not deepest:
        return
    undone = {unquote_to_bytes(data), unquote_to_bytes(data.replace(b"+", b" ")), _unescaped(data)}
    if b"&" in data:
        undone.add(unescape(data.decode("latin-1")).encode("latin-1", "xmlcharrefreplace"))
    if b"=" in data:
        undone.add(binascii.a2b_qp(data))
    if b"data:" in data:
        undone.add(re.sub(rb"(?:\r\n|\r|\n)data: ?", b"\n", data))
    if b"\0" in data:
        undone |= {data.decode(codec, "replace").encode() for codec in ("utf-16-le", "utf-16-be")}
        undone.add(data.replace(b"\0", b""))
    undone.discard(data)
    for run in _RUN.findall(data):
        undone |= {_decoded(run[start:]) for start in range(4)}
        undone |= {_decoded(part) for part in re.split(rb"[/_+-]", run) if len(part) >= 8}
    for form in undone - {b""}:
        yield from _forms(form, deepest - 1)


def _unescaped(data: bytes) -> bytes:
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)).encode("utf-8", "replace"), data)
    return re.sub(rb"\\(.)", rb"\1", plain)


def _decoded(run: bytes) -> bytes:
    whole = run[: len(run) - (len(run) % 4 == 1)].replace(b"-", b"+").replace(b"_", b"/")
    try:
        decoded = binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
    except binascii.Error:
        return b""
    return decoded if sum(32 <= byte < 127 for byte in decoded) * 2 > len(decoded) else b""


def as_bytes(record: Record) -> bytes:
    """All of a record that can be chosen from outside."""
    match record:
        case Request():
            return "\n".join([record.target, *map(": ".join, record.headers)]).encode() + b"\n" + record.body
        case Response():
            return "\n".join(map(": ".join, record.headers)).encode() + b"\n" + record.body
        case SocketMessage() | Chunk():
            return record.body
        case Failure():
            return record.reason.encode()
        case Note():
            return record.text.encode()


# Records to plant something in


def request(target: str = "/", body: Any = b"", **headers: str) -> Request:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(
        0, 0, 0, "c", "POST", target, tuple((name.replace("_", "-"), v) for name, v in headers.items()), content
    )


def response(body: Any = b"", **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(1, 0, 0, 200, tuple((name.replace("_", "-"), v) for name, v in headers.items()), content)


def frame(body: Any) -> SocketMessage:
    return SocketMessage(2, 0, 0, from_client=False, body=json.dumps(body).encode())


def socket_text(body: str) -> SocketMessage:
    return SocketMessage(2, 0, 0, from_client=True, body=body.encode())


def multipart(*parts: tuple[str, str]) -> bytes:
    """Fields of a form, each by its name, which may be followed by headers."""
    lines = [f'--b\r\nContent-Disposition: form-data; name="{name}\r\n\r\n{value}\r\n' for name, value in parts]
    return "".join([*lines, "--b--\r\n"]).encode()


def element(name: str, value: str) -> str:
    return f"<r><{name}>{escape(value)}</{name}></r>"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def url_safe(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def jwt(claims: Any) -> str:
    return ".".join([url_safe('{"alg":"HS256","typ":"JWT"}'), url_safe(json.dumps(claims)), "c2lnbmF0dXJlLW9mLWl0"])


def percent(text: str) -> str:
    return quote(text, safe="")


JWT = jwt({"sub": "agent-4711", "iat": 1445412480})

# each with a record in which its name tells what it is
NAMED: dict[str, tuple[str, Record]] = {
    name: (value, record)
    for name, value, record in [
        ("basic", "S3cret-Pass!word", request(Authorization="Basic " + b64("agent1:S3cret-Pass!word"))),
        ("bearer", "t0k.8f3kQ0zL1m~xyz", request(Authorization="Bearer t0k.8f3kQ0zL1m~xyz")),
        ("session", "node0k3j4h5g6f7d8.node0", response(Set_Cookie="JSESSIONID=node0k3j4h5g6f7d8.node0; Path=/")),
        ("browser", "B4yeuxBr0wser", request(Cookie="BAYEUX_BROWSER=B4yeuxBr0wser")),
        ("csrf", "5f0c9d1e-77aa-4c2b-9d3e-1b2c3d4e5f60", response(X_CSRF_TOKEN="5f0c9d1e-77aa-4c2b-9d3e-1b2c3d4e5f60")),
        ("access token", "acc_9s8d7f6g5h", request("/cb?access_token=acc_9s8d7f6g5h")),
        ("client secret", "cl13nt/s3cr3t+x", request(body=b"client_id=desk&client_secret=cl13nt%2Fs3cr3t%2Bx")),
        ("JWT", JWT, response({"id_token": JWT})),
        ("ext", "4uth-t1cket-99", frame([{"ext": {"authentication": {"ticket": "4uth-t1cket-99"}}}])),
        ("telephone", "+1 415 555 2671", response({"record": {"phoneNumber": "+1 415 555 2671"}})),
        ("e-mail", "ada.lovelace@acme.example", response({"email": "ada.lovelace@acme.example"})),
        ("customer", "Ada Löwenherz", response([{"data": {"userData": {"who": "Ada Löwenherz"}}}])),
        ("custom field", "Gold-Member 1815", response({"customFields": [{"value": "Gold-Member 1815"}]})),
        ("contact", "Hauptstr. 7, Dresden", response({"contact_info": {"line": "Hauptstr. 7, Dresden"}})),
        ("API key", "k3y-0123-abcdef", request(X_Vendor_Thing="k3y-0123-abcdef")),
        ("card", "4111 1111 1111 1111", response({"cardNumber": "4111 1111 1111 1111"})),
        ("SOAP", "W5-S3cret&Pass", response(element("wsse:Password", "W5-S3cret&Pass").encode())),
        ("part", "mp-S3cret_77x", request(body=multipart(('password"', "mp-S3cret_77x")))),
        ("event", "eV3nt-s3cret.9", response(b'data: {"token":\ndata: "eV3nt-s3cret.9"}\n\n')),
        ("key and value", "Vip, seit 1999", frame([{"userData": [{"key": "tier", "value": "Vip, seit 1999"}]}])),
    ]
}  # fmt: skip


def forms_of(value: str) -> dict[str, str]:
    """A value in the middle of a text, in the forms it may have."""
    inner = json.dumps({"note": f"about {value}."})
    return {
        "plain": f"it said {value}, twice: '{value}'.",
        "percent": f"it said {percent(value)} and x%3D{percent(value)}%26y",
        "percent twice": f"it said {percent(percent(value))}",
        "base64": f"blob {b64(f'it said {value}')} end",
        "base64 url-safe": f"blob={url_safe(f'it said {value} ÿÿ?>')}",
        "base64 alone": b64(value),
        "base64 of percent": b64(f"x={percent(value)}"),
        "percent of base64": percent(b64(f"say {value}!")),
        "JWT claim": f"see {jwt({'claim': value})} for it",
        "two parts of a JWT": f"see {'.'.join(jwt({'claim': value}).split('.')[:2])} for it",
        "JSON": inner,
        "JSON in JSON": json.dumps({"inner": inner}),
        "base64 of JSON": b64(inner),
        "JSON of base64": json.dumps([b64(value)]),
        "URL": f"see https://host.example/a/{percent(value)}?x={percent(value)}#frag={percent(value)}",
        "log line": f"[WARN] 2026-10-21 07:28:00 [main] seen {value}",
        "XML": element("note", f"about {value}."),
        "XML attribute": f"<r note={quoteattr(f'about {value}.')}/>",
        "XML with references": element("note", "about ").replace(
            "about ", "about " + "".join(f"&#{ord(c)};" for c in value)
        ),
        "CDATA": f"<r><![CDATA[about {value}.]]></r>",
        "XML in XML": element("note", element("note", f"about {value}.")),
        "event stream": f"id: 1\ndata: about {value}.\n\n",
        "JSON in an event stream": f"data: {inner}\n\n",
        "JSONP": f"/**/callback({inner});",
        "script": f"var note = {json.dumps(f'about {value}.')};",
        "GraphQL": f"mutation {{ note(text: {json.dumps(f'about {value}.', ensure_ascii=False)}) }}",
        "form": f"a=1&note={percent(value)}",
        "key and value": json.dumps([{"key": "note", "type": "str", "value": f"about {value}."}]),
        "properties": f"a = 1\nnote = about {value}.\n",
        "table": f'a,note\n1,"about {value}."\n',
    }


def places_of(text: str) -> dict[str, Record]:
    """A text where texts may stand."""
    return {
        "body": response(text.encode()),
        "member": response({"log": text}),
        "array": response([[1, text]]),
        "frame": frame([{"channel": "/a", "data": {"log": text}}]),
        "ext": frame([{"channel": "/meta/connect", "ext": {"trace": text}}]),
        "form": request(body=f"a=1&b={percent(text)}".encode()),
        "part": request(body=multipart(('a"', "1"), ('b"', text))),
        "part in base64": request(body=multipart(('b"\r\nContent-Transfer-Encoding: base64', b64(text)))),
        "file": request(body=multipart(('b"; filename="b.txt"\r\nContent-Type: text/plain', text))),
        "element": response(element("a", text).encode()),
        "event of a stream": response(f"data: {text}".replace("\n", "\ndata: ").encode() + b"\n\n"),
        "UTF-16": response(f'{{"log":{json.dumps(text, ensure_ascii=False)}}}'.encode("utf-16")),
        "socket": socket_text(text),
        "Socket.IO": socket_text(f'42["log",{json.dumps(text)}]'),
        "query": request(f"/a?b={percent(text)}&c=1"),
        "parameter": request(f"/a?b=1&{percent(text)}"),
        "path": request(f"/a/{percent(text)}/b"),
        "path parameter": request(f"/a;x={percent(text)}/b"),
        "header": request(X_Thing=text),
        "kept header": request(Referer=f"https://h.example/{percent(text)}?q={percent(text)}"),
        "user agent": request(User_Agent=text),
        "cookie": request(Cookie=f"a={percent(text)}; b=1"),
        "failure": Failure(3, 0, 0, f"upstream: {text}"),
        "note": Note(4, 0, "error", text),
    }
