from __future__ import annotations

import gzip
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorder.errors import CassetteError
from recorder.importers.containers import Container
from recorder.importers.ordering import Imported
from recorder.importers.spool import Spool
from recorder.model import Failure, Request, Response, SocketMessage

pytest.importorskip("mitmproxy.io")  # an extra: the suite runs without it too

import brotli
import zstandard
from mitmproxy import flow as mitm_flow
from mitmproxy import http
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow

from recorder.importers import flows


def read_flows(path: Path) -> Imported:
    return flows.read_flows(Container.of(path), Spool())


def exchange(at: float = 1000.0, *, body: bytes = b"{}", encoding: str = "") -> http.HTTPFlow:
    made = tflow.tflow(resp=True)
    made.request.timestamp_start, made.request.timestamp_end = at, at + 0.5
    assert made.response is not None
    made.response.timestamp_start, made.response.timestamp_end = at + 1, at + 2
    made.response.raw_content = body
    if encoding:
        made.response.headers["content-encoding"] = encoding
    return made


def kept(folder: Path, *kept_flows: mitm_flow.Flow) -> Path:
    path = folder / "session.flows"
    file = BytesIO()
    writer = FlowWriter(file)
    for one in kept_flows:
        writer.add(one)
    path.write_bytes(file.getvalue())
    return path


def refused(path: Path) -> str:
    with pytest.raises(CassetteError) as told:
        read_flows(path)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_flows_are_put_in_the_order_of_what_happened(tmp_path: Path) -> None:
    held, quick = exchange(1000.0), exchange(1000.2)
    assert held.response is not None
    held.response.timestamp_end = 1009.0

    found = read_flows(kept(tmp_path, quick, held))

    assert found.started == 1_000_500_000
    assert [(type(p).__name__, p.exchange, p.t) for p in found.parts] == [
        ("Request", 1, 0), ("Request", 0, 200_000_000), ("Response", 0, 1_700_000_000), ("Response", 1, 8_500_000_000),
    ]  # fmt: skip
    assert found.upstream == "http://address:22"


def test_a_flow_that_failed_is_a_failure(tmp_path: Path) -> None:
    found = read_flows(kept(tmp_path, tflow.tflow(err=True)))

    assert [part.reason for part in found.parts if isinstance(part, Failure)] == ["error"]


def test_the_messages_of_a_websocket_are_kept_and_its_end(tmp_path: Path) -> None:
    found = read_flows(kept(tmp_path, tflow.twebsocketflow()))

    assert [part.from_client for part in found.parts if isinstance(part, SocketMessage)] == [True, True, False]
    assert [part.reason for part in found.parts if isinstance(part, Failure)] == [
        "websocket closed by server, code 1000"
    ]


def test_what_is_no_http_is_left_out_and_told(tmp_path: Path) -> None:
    found = read_flows(kept(tmp_path, tflow.ttcpflow(), exchange()))

    assert len(found.parts) == 2
    assert "left out: 1 flows that are not HTTP" in found.notes


PACKED = {
    "gzip": gzip.compress(b"text"),
    "x-gzip": gzip.compress(b"text"),
    "deflate": zlib.compress(b"text"),
    "Deflate": zlib.compress(b"text")[2:-4],  # as some servers send it
    "br": brotli.compress(b"text"),
    "zstd": zstandard.compress(b"text"),
    "identity": b"text",
}


@pytest.mark.parametrize("encoding", PACKED)
def test_bodies_are_unpacked(encoding: str, tmp_path: Path) -> None:
    found = read_flows(kept(tmp_path, exchange(body=PACKED[encoding], encoding=encoding)))

    assert [part.body for part in found.parts if isinstance(part, Response)] == [b"text"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "rot13", "unknown"])
def test_a_body_that_cannot_be_unpacked_stays_as_it_is(encoding: str, tmp_path: Path) -> None:
    found = read_flows(kept(tmp_path, exchange(body=b"text", encoding=encoding)))

    assert [part.body for part in found.parts if isinstance(part, Response)] == [b"text"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_body_that_unpacks_to_too_much_is_not_kept(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack: Any = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstandard.compress}
    bomb = kept(tmp_path, exchange(body=pack[encoding](bytes(3_000_000)), encoding=encoding))
    monkeypatch.setattr(flows, "LARGEST_BODY", 1_000_000)

    found = read_flows(bomb)

    assert [part.body for part in found.parts] == [b"content", b""]  # type: ignore[union-attr]
    assert "larger than 48 MiB: 1 bodies" in found.notes


def test_a_length_that_no_flow_has_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"999999999999:x")

    assert "a flow of more than 64 MiB" in refused(tmp_path / "f")


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"3:abc", b"3:abc,", b"4:1:a,}", b"0:}", b"0:~", b"5:1:a,]", b"1:1#", b"\x00" * 100,
     b"".join(b"%d:" % n for n in range(2000))],
)  # fmt: skip
def test_what_holds_no_flows_is_refused_in_a_line(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(data)

    refused(tmp_path / "f")


def test_values_nested_too_deeply_are_refused(tmp_path: Path) -> None:
    nested = b"0:]"
    for _ in range(20_000):
        nested = b"%d:%b]" % (len(nested), nested)
    (tmp_path / "f").write_bytes(nested)

    refused(tmp_path / "f")


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_file_with_one_changed_byte_is_read_or_refused(place: int, byte: int, tmp_path: Path) -> None:
    path = tmp_path / "changed"
    data = bytearray(kept(tmp_path, exchange(), tflow.twebsocketflow()).read_bytes())
    data[place % len(data)] = byte
    path.write_bytes(data)
    try:
        found = read_flows(path)
    except CassetteError:
        return
    assert all(part.t >= 0 for part in found.parts)


def test_headers_keep_their_order_case_and_copies(tmp_path: Path) -> None:
    made = exchange()
    made.request.headers = http.Headers([(b"B", b"1"), (b"a", b"\xe9"), (b"B", b"2")])

    found = read_flows(kept(tmp_path, made))

    assert found.parts[0].headers == (("B", "1"), ("a", "é"), ("B", "2"))  # type: ignore[union-attr]


def test_the_authority_of_http_2_is_the_host(tmp_path: Path) -> None:
    made = exchange()
    made.request.authority = "api.example:8443"

    request, _ = read_flows(kept(tmp_path, made)).parts

    assert isinstance(request, Request)
    assert request.headers[0] == ("Host", "api.example:8443")
