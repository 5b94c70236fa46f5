"""Records for tests: one of each kind, and strategies for any that a proxy can deliver."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from recorder.model import Chunk, Failure, Header, Note, Record, Request, Response, SocketMessage

HEADER = Header(started=1_753_000_000_000_000, upstream="http://gws.example:8090", dialect="gws", redaction="none")

ONE_OF_EACH: tuple[Record, ...] = (
    Request(0, 1, 0, "conn", "POST", "/api/v2/me/outbound-records/7?a=%20", (("Accept", "*/*"),), b'{"referenceId":1}'),
    Response(1, 2, 0, 200, (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")), '{"é":0}'.encode()),
    Request(2, 3, 1, "conn", "GET", "/socket", (), b""),
    Response(3, 4, 1, 101, (), b"\xff\x00 not text"),
    SocketMessage(4, 5, 1, from_client=True, body=b"[]"),
    SocketMessage(5, 6, 1, from_client=False, body=b"\xfe"),
    Failure(6, 7, 1, "Client disconnected."),
    Request(7, 8, 2, "conn", "GET", "/events", (), b""),
    Response(8, 9, 2, 200, (("Content-Type", "text/event-stream"),), b"", streamed=True),
    Chunk(9, 10, 2, 'data: "é"\n\n'.encode()),
    Chunk(10, 11, 2, b"data: \xff\n\n"),
    Chunk(11, 12, 2, b"", is_last=True),
    SocketMessage(12, 13, 1, from_client=False, body=b"text or not", is_text=False),
    Note(13, 14, "close", "the capture ended cleanly"),
)

NUMBERS = st.integers(0, 2**63 - 1)
# what bytes give when they are decoded as mitmproxy decodes targets and methods, or as latin-1, as headers are
WIRE_TEXT = st.one_of(
    st.text(),
    st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.binary().map(lambda raw: raw.decode("latin-1")),
)
ANY_TEXT = WIRE_TEXT | st.text(st.characters(codec=None))
HEADERS = st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=4).map(tuple)
BODIES = st.binary() | st.text().map(str.encode)

RECORDS: st.SearchStrategy[Record] = st.one_of(
    st.builds(Request, NUMBERS, NUMBERS, NUMBERS, ANY_TEXT, ANY_TEXT, ANY_TEXT, HEADERS, BODIES),
    st.builds(Response, NUMBERS, NUMBERS, NUMBERS, st.integers(0, 999), HEADERS, BODIES),
    st.builds(Response, NUMBERS, NUMBERS, NUMBERS, st.integers(0, 999), HEADERS, st.just(b""), streamed=st.just(True)),
    st.builds(Chunk, NUMBERS, NUMBERS, NUMBERS, BODIES, st.booleans()),
    st.builds(Failure, NUMBERS, NUMBERS, NUMBERS, ANY_TEXT),
    st.builds(SocketMessage, NUMBERS, NUMBERS, NUMBERS, st.booleans(), BODIES, st.booleans()),
    st.builds(Note, NUMBERS, NUMBERS, ANY_TEXT, ANY_TEXT),
)


def numbered(records: list[Record]) -> tuple[Record, ...]:
    """The records with the dense numbers a cassette needs."""
    return tuple(replace(record, seq=place) for place, record in enumerate(records))
