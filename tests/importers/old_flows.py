"""States of flows as older versions of mitmproxy wrote them: the steps of `mitmproxy.io.compat` taken backwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mitmproxy import http
from mitmproxy.io import tnetstring

State = dict[Any, Any]
_CONNECTIONS = "client_conn", "server_conn"


def _to_19(state: State) -> None:
    for name in _CONNECTIONS:
        state[name]["state"] = 3


def _to_18(state: State) -> None:
    client, server = state["client_conn"], state["server_conn"]
    client["address"], client["tls_extensions"] = client.pop("peername"), None
    server["ip_address"], server["source_address"] = server.pop("peername"), server.pop("sockname")
    server["via"] = server["via2"] = None
    for connection in (client, server):
        connection["tls_established"], connection["cipher_name"] = True, connection.pop("cipher")
        del connection["transport_protocol"]


def _to_14(state: State) -> None:
    if state.get("websocket"):
        state["websocket"]["messages"] = [list(message[:5]) for message in state["websocket"]["messages"]]


def _to_10(state: State) -> None:
    for name in _CONNECTIONS:
        state[name]["alpn_proto_negotiated"] = state[name].pop("alpn")


def _to_9(state: State) -> None:
    for name in _CONNECTIONS:
        for field in ("state", "error", "tls", "alpn_offers", "cipher_list", "certificate_list"):
            del state[name][field]
    del state["client_conn"]["sockname"], state["server_conn"]["via2"]
    state["client_conn"]["clientcert"] = state["server_conn"]["cert"] = None


def _to_8(state: State) -> None:
    del state["is_replay"]
    if "request" in state:
        del state["request"]["authority"]
        state["request"] |= {"first_line_format": "relative", "is_replay": False}
    if state.get("response"):
        state["response"]["is_replay"] = False


def _to_7(state: State) -> None:
    for name in ("request", "response"):
        if state.get(name):
            del state[name]["trailers"]


def _to_5(state: State) -> None:
    for name in _CONNECTIONS:
        state[name]["ssl_established"] = state[name].pop("tls_established")
        state[name]["timestamp_ssl_setup"] = state[name].pop("timestamp_tls_setup")


def _to_4(state: State) -> None:
    for name in _CONNECTIONS:
        del state[name]["id"]


def _to_2(state: State) -> None:
    state["client_conn"].pop("mitmcert", None)
    del state["server_conn"]["tls_version"]


def _to_1(state: State) -> None:
    places = (("client_conn", "address"), ("server_conn", "address"), ("server_conn", "source_address"))
    for name, field in (*places, ("server_conn", "ip_address")):
        found = state[name][field]
        state[name][field] = found and {"address": list(found), "use_ipv6": False}


def _to_0_18(state: State) -> None:
    for field in ("sni", "alpn_proto_negotiated", "cipher_name", "tls_version"):
        state["client_conn"].pop(field, None)
    del state["server_conn"]["alpn_proto_negotiated"], state["mode"], state["metadata"]


def _to_0_17(state: State) -> None:
    state["server_conn"]["peer_address"] = state["server_conn"].pop("ip_address")
    del state["marked"]


def _to_0_16(state: State) -> None:
    del state["server_conn"]["peer_address"]


def _to_0_15(state: State) -> None:
    for name in ("request", "response"):
        state[name]["body"] = state[name].pop("content")
    state["response"]["msg"] = state["response"].pop("reason")
    state["request"]["form_out"] = "relative"


def _to_0_13(state: State) -> None:
    request, response = state["request"], state["response"]
    request["form_in"] = request.pop("first_line_format")
    for message in (request, response):
        del message["http_version"]
        message["httpversion"] = [1, 1]
        message["content"] = message.pop("body")
    response["code"] = response.pop("status_code")
    state["server_conn"]["state"] = []
    del state["server_conn"]["via"]


def _drop(*path: str) -> Callable[[State], None]:
    def back(state: State) -> None:
        for name in path[:-1]:
            state = state[name]
        state.pop(path[-1], None)

    return back


def _put(name: str, value: Any) -> Callable[[State], None]:
    return lambda state: state.__setitem__(name, value)


# the version that a step leads to, newest first; before mitmproxy 4 it was that of mitmproxy itself
STEPS: dict[Any, Callable[[State], Any]] = {
    20: lambda _: None, 19: _to_19, 18: _to_18, 17: _drop("client_conn", "proxy_mode"), 16: _put("mode", "regular"),
    15: _drop("timestamp_created"), 14: _to_14, 13: _drop("comment"), 12: _put("marked", value=False),
    11: _drop("websocket"), 10: _to_10, 9: _to_9, 8: _to_8, 7: _to_7, 6: _drop("client_conn", "tls_extensions"),
    5: _to_5, 4: _to_4, (3, 0, 0): lambda _: None, (2, 0, 0): _to_2, (1, 0, 0): _to_1, (0, 19): lambda _: None,
    (0, 18): _to_0_18, (0, 17): _to_0_17, (0, 16): _to_0_16, (0, 15): _to_0_15, (0, 14): lambda _: None,
    (0, 13): _to_0_13, (0, 12): lambda _: None, (0, 11): lambda _: None,
}  # fmt: skip
_PYTHON_2 = (0, 17)  # up to this version all texts are bytes


def old(flow: http.HTTPFlow, version: Any) -> bytes:
    """A flow as a version of mitmproxy wrote it; of a WebSocket before version 12 the two flows that it was."""
    state = _plain(flow.get_state())
    socket = state["websocket"] if not _is_newer(version, 11) else None
    for reached, step in STEPS.items():
        if reached == 11 and socket:
            state["metadata"] = {"websocket": True}
        step(state)
        state["version"] = list(reached) if isinstance(reached, tuple) else reached
        if reached == version:
            break
    found = tnetstring.dumps(_bytes(state) if not _is_newer(version, _PYTHON_2) else state)
    return found + (tnetstring.dumps(_socket_flow(state, socket)) if socket else b"")


def _socket_flow(state: State, socket: State) -> State:
    shared = {name: value for name, value in state.items() if name not in ("request", "response")}
    return shared | {
        "type": "websocket", "id": "other", "metadata": {"websocket_handshake": state["id"]},
        "messages": [[kind, sent, _said(kind, text), *rest] for kind, sent, text, *rest in socket["messages"]],
        "close_sender": "client" if socket["closed_by_client"] else "server", "close_code": socket["close_code"],
        "close_message": "(message missing)", "close_reason": socket["close_reason"],
    }  # fmt: skip


def _said(kind: int, text: bytes) -> Any:
    """The content of a message, which was a string in a text message."""
    return text.decode() if kind == 1 else text


def _is_newer(version: Any, than: Any) -> bool:
    order = list(STEPS)
    return version not in STEPS or order.index(version) < order.index(than)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _bytes(value: Any) -> Any:
    if isinstance(value, dict):
        return {name.encode(): _bytes(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_bytes(inner) for inner in value]
    return value.encode() if isinstance(value, str) else value
