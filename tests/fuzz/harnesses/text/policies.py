"""Policies: TOML that can be used, or a PolicyError; one that can be used redacts any body."""

from __future__ import annotations

from recorder.errors import PolicyError
from recorder.model import Request, Response
from recorder.redaction.policy import parse
from recorder.redaction.redactor import Redactor
from recorder.redaction.scan import Scan
from tests.fuzz.guarding import must

TOKENS = (
    b"[fields]\n", b"[headers]\n", b"[parameters]\n", b"[patterns]\n", b"[paths]\n", b'name = "x"\n', b"secret = [",
    b"phone = [", b"keep = [", b"email = [", b'"*"', b'"a.*.b"', b"'(a+)+$'", b"'[0-9]{9}'", b"'(?<=a)b'",
    b"[[rules]]\n", b'extends = "gws"\n', b"[values]\n", b"true", b"1e999", b"2026-01-01", b'"""', b"\\u0000",
    b"[sign_in]\n", b"drop = [",
)  # fmt: skip
BODIES = (
    b'{"a":{"b":"x","password":"hunter2"},"phone":"+1 555 010 9999","x":[1,null,"aaaaaaaaaaaaaaaaaaaaaaaa!"]}',
    b"a=1&password=hunter2&b=%41", b"<a><b>x</b><password>hunter2</password></a>",
    b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
)  # fmt: skip


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    try:
        policy = parse(data.decode("utf-8", "surrogateescape"), path="x")
    except PolicyError as exc:
        must("\n" not in str(exc), f"more than a line: {exc}")
        return
    redactor, scan = Redactor(policy, bytes(32)), Scan(policy, policy)
    for place, body in enumerate(BODIES):
        request = Request(2 * place, 0, place, "c", "POST", "/a/b?password=x&b=1", (("Cookie", "a=b"),), body)
        scan.record(redactor.redact(request))
        scan.record(redactor.redact(Response(2 * place + 1, 0, place, 200, (("Set-Cookie", "a=b"),), body)))
