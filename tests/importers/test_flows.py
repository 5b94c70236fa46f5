from __future__ import annotations

import gzip
import pickle
import zlib
from dataclasses import replace
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
from mitmproxy.io import FlowWriter, tnetstring
from mitmproxy.test import tflow

from recorder.importers import flows, losses
from recorder.importers.har import read_har
from tests.importers.old_flows import STEPS, old


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
    assert "left out: 1 flow that is not HTTP" in found.notes


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
    assert "larger than 48 MiB: 1 body" in found.notes


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


# Files of older versions


def plainly(found: Imported) -> list[Any]:
    """The parts without the name of the connection, which older versions did not store."""
    return [replace(part, connection="") if isinstance(part, Request) else part for part in found.parts]


def said(found: Imported) -> list[Any]:
    return [(p.t, p.from_client, p.body) for p in found.parts if isinstance(p, SocketMessage)]


@pytest.mark.parametrize("version", STEPS, ids=str)
def test_flows_of_every_version_since_0_11_are_read(version: Any, tmp_path: Path) -> None:
    flows_then = exchange(1000.0), exchange(1000.2, body=b"[1]")
    path = tmp_path / "old.flows"
    path.write_bytes(b"".join(old(one, version) for one in flows_then))

    found = read_flows(path)

    assert plainly(found) == plainly(read_flows(kept(tmp_path, *flows_then)))
    assert found.losses.left_out == {}


@pytest.mark.parametrize("version", [v for v in STEPS if isinstance(v, int)], ids=str)
def test_websockets_of_older_versions_are_read(version: int, tmp_path: Path) -> None:
    socket = tflow.twebsocketflow()
    path = tmp_path / "old.flows"
    path.write_bytes(old(socket, version))

    found = read_flows(path)

    assert said(found) == said(read_flows(kept(tmp_path, socket)))
    # before version 12 the handshake was a flow of its own, which mitmproxy repeats with the messages
    assert found.exchanges == 1
    assert found.losses.left_out == ({"saved-twice": 1} if version <= 11 else {})


@pytest.mark.parametrize("content", ["hello", "é", "", b"bytes"])
def test_the_text_of_a_websocket_message_may_be_a_string(content: str | bytes, tmp_path: Path) -> None:
    state = tflow.twebsocketflow().get_state()
    state["websocket"]["messages"] = [[1, True, content, 946681204.2, False, False]]
    (tmp_path / "f").write_bytes(tnetstring.dumps(state))

    found = read_flows(tmp_path / "f")

    body = content.encode() if isinstance(content, str) else content
    assert [part.body for part in found.parts if isinstance(part, SocketMessage)] == [body]


def test_a_websocket_without_its_handshake_begins_with_its_first_message(tmp_path: Path) -> None:
    both = old(tflow.twebsocketflow(), 11)
    first = tnetstring.dumps(tnetstring.loads(both[: both.index(b":") + 1 + int(both[: both.index(b":")]) + 1]))
    (tmp_path / "f").write_bytes(both[len(first) :])

    found = read_flows(tmp_path / "f")

    assert found.started == 946_681_203_000_000
    assert len([part for part in found.parts if isinstance(part, SocketMessage)]) == 3


@pytest.mark.parametrize("version", [99, [0, 9], [7, 0, 0], "new", None], ids=str)
def test_a_version_that_mitmproxy_cannot_read_is_refused_in_a_line(version: Any, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(tnetstring.dumps(exchange().get_state() | {"version": version}))

    assert "left out: 1 damaged flow" in refused(tmp_path / "f")


def test_a_version_that_is_too_new_is_told(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(tnetstring.dumps(exchange().get_state() | {"version": 99}))

    assert "version 99, please update mitmproxy" in refused(tmp_path / "f")


# Damaged files


@pytest.mark.parametrize(
    "change",
    [
        {"request": None},
        {"request": {}},
        {"client_conn": 7},
        {"response": {"headers": 3}},
        {"websocket": {"messages": [[1, True, 7, 1.0, False, False]]}},
        {"type": "unheard of"},
    ],
    ids=str,
)
def test_a_damaged_flow_costs_only_itself(change: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(
        tnetstring.dumps(exchange().get_state() | change) + kept(tmp_path, exchange()).read_bytes()
    )

    found = read_flows(tmp_path / "f")

    assert (found.exchanges, found.losses.left_out) == (1, {"bad-flow": 1})


@pytest.mark.parametrize("behind", [b"12", b"5:abc", b"garbage", b"\0\0\0", b"999999999999:x"])
def test_a_file_that_is_damaged_behind_a_flow_is_read_up_to_there(behind: bytes, tmp_path: Path) -> None:
    path = kept(tmp_path, exchange())
    path.write_bytes(path.read_bytes() + behind)

    found = read_flows(path)

    assert (found.exchanges, found.losses.left_out) == (1, {"rest-of-file": 1})
    assert [note for note in found.notes if note.startswith("left out: all after number 1: ")]


def test_a_file_that_is_cut_off_is_read_up_to_the_cut(tmp_path: Path) -> None:
    path = kept(tmp_path, exchange(1000.0), exchange(2000.0))
    path.write_bytes(path.read_bytes()[:-7])

    found = read_flows(path)

    assert (found.exchanges, found.losses.left_out) == (1, {"rest-of-file": 1})


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_no_flow_file_and_is_not_loaded(protocol: int, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(pickle.dumps({"type": "http"}, protocol))

    assert "is not a flow file" in refused(tmp_path / "f")


def test_of_a_flow_that_was_saved_twice_the_later_state_is_kept(tmp_path: Path) -> None:
    early, late = exchange(body=b"early"), exchange(body=b"late")
    late.id = early.id

    found = read_flows(kept(tmp_path, early, late))

    assert [part.body for part in found.parts if isinstance(part, Response)] == [b"late"]
    assert found.losses.left_out == {"saved-twice": 1}


def test_a_flow_file_may_be_compressed(tmp_path: Path) -> None:
    path = kept(tmp_path, exchange())
    path.write_bytes(gzip.compress(path.read_bytes()))

    assert read_flows(path).exchanges == 1


def test_a_har_that_mitmproxy_writes_holds_what_its_flows_hold(tmp_path: Path) -> None:
    savehar = pytest.importorskip("mitmproxy.addons.savehar")  # an import would warn, as above
    made = exchange(1_700_000_000.0), tflow.twebsocketflow()
    made[0].request.method = "POST"  # the body of a GET is not written
    path = tmp_path / "session.zhar"
    savehar.SaveHar().export_har(list(made), str(path))

    found = read_har(Container.of(path), Spool(), "all")

    theirs = read_flows(kept(tmp_path, *made))
    assert [(type(part), getattr(part, "body", b"")) for part in found.parts if not isinstance(part, Failure)] == [
        (type(part), getattr(part, "body", b"")) for part in theirs.parts if not isinstance(part, Failure)
    ]


def test_a_file_of_other_values_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "HOPELESS", 10)

    with pytest.raises(CassetteError, match="none of its first 10 parts is an exchange"):
        flows.read_flows(Container.of_bytes(b"0:}" * 11, "x.flows"), Spool())
