"""HAR files: an import gives a sound cassette, or says in a CassetteError why not."""

from __future__ import annotations

from recorder.importers.containers import Container
from recorder.importers.har import read_har
from recorder.importers.ordering import Imported
from recorder.importers.spool import Spool

from .flows import imports

TOKENS = (
    b'"log"', b'"entries"', b'"request"', b'"response"', b'"headers"', b'"url"', b'"http://a/"', b'"startedDateTime"',
    b'"2026-11-25T12:00:00.000Z"', b'"content"', b'"text"', b'"encoding":"base64"', b'"_webSocketMessages"',
    b'"time"', b'"_sequence"', b'"postData"', b'"params"', b'"_eventSourceMessages"', b'"status"', b"1e400",
    b'"\\ud800"', b"\x1f\x8b", b"PK\x03\x04", b'"timings"', b"null", b'"mimeType"', b'"redirectURL"', b'"cookies"',
    b"+99:99",
)  # fmt: skip


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    def read(container: Container, spool: Spool) -> Imported:
        return read_har(container, spool, "all" if len(data) % 2 else None)

    imports(data, read)
