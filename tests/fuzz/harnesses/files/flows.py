"""Flow files of mitmproxy: an import gives a sound cassette, or says in a CassetteError why not."""

from __future__ import annotations

from collections.abc import Callable

from recorder.cassette.codec import encode_header
from recorder.cassette.reader import parse
from recorder.errors import CassetteError
from recorder.importers.containers import Container
from recorder.importers.flows import read_flows
from recorder.importers.ordering import Imported, frames
from recorder.importers.spool import Spool
from recorder.library.recording import derive
from recorder.model import Header
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from tests.fuzz.guarding import must

POLICY = load()
TOKENS = (
    b"7:version;2:21#", b"7:request;", b"8:response;", b"4:type;4:http;", b"7:headers;", b"0:]", b"0:}", b"4:true!",
    b"9:websocket;", b"0:~", b"5:error;", b"999999999:", b"15:timestamp_start;", b"3:1e9^", b"4:host;",
)  # fmt: skip
SECONDS = 2.0


def imports(data: bytes, read: Callable[[Container, Spool], Imported]) -> None:
    """Import a file and redact it; what comes of it can be read."""
    with Spool() as spool:
        try:
            found = read(Container.of_bytes(data, "x"), spool)
        except CassetteError as exc:
            must("\n" not in str(exc), f"more than a line: {exc}")
            return
        written = b"".join(frames(found, Redactor(POLICY, bytes(32))))
    header = Header(started=found.started, upstream="http://a", dialect="gws-outbound", redaction="default")
    derive(parse(encode_header(header) + written))


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    imports(data, read_flows)
