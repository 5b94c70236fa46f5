"""The control API at `/__recorder/`: look at a stand-in and steer it while it serves. Sans-IO: request in, reply out.

Whoever may call it can push events into a client, so a request must show three things: the token; a Host header that
names this machine's loopback, which a page that was brought here by DNS rebinding cannot show; and no foreign Origin.
Nothing else of a request is looked at before. `openapi.json` beside this file describes it, docs/control.md explains.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol, TypeAlias

from ...bayeux import channels
from ...bayeux.messages import load_json
from ...errors import UsageError
from ...model import JSON, Headers
from ..engine.http import HttpRequest, HttpResponse

PREFIX = "/__recorder"
TOKEN_HEADER = "X-Recorder-Token"  # noqa: S105  # the header's name

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_LONGEST = 366 * 24 * 3600  # seconds: beyond it a clock's float gets coarse, and nobody means it
_HEADERS: Headers = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)


class Controlled(Protocol):
    """What is steered: a stand-in and the clock that drives it.

    A method raises `UsageError` for what cannot be done: a clock that cannot be moved, a fault nobody can read.
    """

    def state(self) -> dict[str, Any]:
        """`paused`, and each live session under `sessions`, as openapi.json has it."""

    def report(self) -> dict[str, Any]:
        """`played`, `unplayed`, `misses` and `faults`, as openapi.json has it."""

    def advance(self, seconds: float) -> None:
        """Let time pass at once; what is due meanwhile leaves in its order."""

    def pause(self) -> None:
        """Let nothing of the recording leave any more; requests are still taken. No matter if it is so already."""

    def resume(self) -> None:
        """End the pause; offsets go on where they stood."""

    def step(self) -> str | None:
        """While paused: let what is next leave, whenever it is due; says what it was, None if nothing is left."""

    def inject(self, session: str, channel: str, data: JSON) -> None:
        """Push an event to the session of this name, as if it had been recorded."""

    def add_fault(self, text: str) -> None:
        """From now on do something wrong; `text` is as after `--fault`."""

    def clear_faults(self) -> None:
        """Do everything right again."""


class Control:
    """Answers the requests for `/__recorder/`."""

    def __init__(self, token: str, port: int) -> None:
        """Take what a request must show.

        Args:
            token: The secret; not empty.
            port: Where the stand-in listens, as its clients see it.

        Raises:
            ValueError: If the token is empty, which would let everybody in.

        """
        if not token:
            raise ValueError("the control API needs a token")
        self._token = _bytes(token)
        self._hosts = frozenset(f"{name}:{port}" for name in _LOOPBACK) | (set(_LOOPBACK) if port == 80 else set())

    @staticmethod
    def owns(target: str) -> bool:
        """Whether a request is for the control API, and so not for the recorded server."""
        path = target.partition("?")[0]
        return path == PREFIX or path.startswith(f"{PREFIX}/")

    def handle(self, request: HttpRequest, standin: Controlled) -> HttpResponse:
        """Answer a request; a refused one has changed nothing."""
        try:
            self._admit(request.headers)
            answer = _route(request, standin)
        except _Refused as refused:
            return _reply(request.number, refused.status, {"error": refused.text}, refused.headers)
        return _reply(request.number, 200, answer)

    def _admit(self, headers: Headers) -> None:
        """Let nobody in who is not meant.

        Raises:
            _Refused: With a line that tells what is missing, and nothing else.

        """
        hosts = [host.lower() for host in _values(headers, "host")]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            _refuse(403, "the control API answers to localhost, 127.0.0.1 and [::1] with the stand-in's port alone")
        if any(origin.lower() != f"http://{hosts[0]}" for origin in _values(headers, "origin")):
            _refuse(403, "the control API takes no requests from pages of another origin")
        bearer = [value[7:].strip() for value in _values(headers, "authorization") if value[:7].lower() == "bearer "]
        shown = [*_values(headers, TOKEN_HEADER.lower()), *bearer]
        if not any(hmac.compare_digest(_bytes(value), self._token) for value in shown):
            _refuse(403, f"the control API needs its token, in {TOKEN_HEADER} or as Authorization: Bearer")


# What may be asked

_Action: TypeAlias = Callable[[Controlled, dict[str, JSON]], JSON]


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a body; `fits` tells whether a value is one, `meaning` what it should be."""

    meaning: str
    fits: Callable[[JSON], bool]
    required: bool = True


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """One method of one path."""

    act: _Action
    fields: dict[str, _Field] = field(default_factory=dict)


def _is_duration(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LONGEST


def _is_text(value: JSON) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_channel(value: JSON) -> bool:
    """Whether events can be pushed on it: no pattern, no `/meta/`, no empty segment."""
    if not isinstance(value, str) or not value.startswith("/") or channels.is_meta(value):
        return False
    return all(segment and "*" not in segment for segment in value[1:].split("/"))


def _state(standin: Controlled, _: dict[str, JSON]) -> JSON:
    return standin.state()


def _report(standin: Controlled, _: dict[str, JSON]) -> JSON:
    return standin.report()


def _advance(standin: Controlled, body: dict[str, JSON]) -> JSON:
    standin.advance(body["seconds"])
    return standin.state()


def _pause(standin: Controlled, _: dict[str, JSON]) -> JSON:
    standin.pause()
    return standin.state()


def _resume(standin: Controlled, _: dict[str, JSON]) -> JSON:
    standin.resume()
    return standin.state()


def _step(standin: Controlled, _: dict[str, JSON]) -> JSON:
    return {"played": standin.step()}


def _inject(standin: Controlled, body: dict[str, JSON]) -> JSON:
    live = {s["name"]: s["clientId"] for s in standin.state()["sessions"] if not s["left"]}
    wanted = body.get("session")
    names = [name for name, client_id in live.items() if wanted in (None, name, client_id)]
    if wanted is not None and not names:
        _refuse(404, f"no live session {_shown(wanted)}; live are: {', '.join(live) or 'none'}")
    for name in names:
        standin.inject(name, body["channel"], body["data"])
    return {"sessions": names}


def _faults(standin: Controlled, _: dict[str, JSON]) -> JSON:
    return {"faults": standin.report()["faults"]}


def _add_fault(standin: Controlled, body: dict[str, JSON]) -> JSON:
    try:
        standin.add_fault(body["fault"])
    except UsageError as exc:  # the text is wrong, not the moment
        _refuse(400, str(exc))
    return _faults(standin, body)


def _clear_faults(standin: Controlled, body: dict[str, JSON]) -> JSON:
    standin.clear_faults()
    return _faults(standin, body)


_SECONDS = _Field(f"a number of seconds above 0, {_LONGEST} at most", _is_duration)
_SESSION = _Field("the name or clientId of a session, as in state", _is_text, required=False)
_CHANNEL = _Field("a channel events can be pushed on, e.g. /topic/name", _is_channel)
_DATA = _Field("any JSON value", lambda _: True)
_FAULT = _Field("text as after --fault, e.g. drop event PreviewRecord#2", _is_text)
_ENDPOINTS: dict[str, dict[str, _Endpoint]] = {
    f"{PREFIX}/state": {"GET": _Endpoint(_state)},
    f"{PREFIX}/report": {"GET": _Endpoint(_report)},
    f"{PREFIX}/advance": {"POST": _Endpoint(_advance, {"seconds": _SECONDS})},
    f"{PREFIX}/pause": {"POST": _Endpoint(_pause)},
    f"{PREFIX}/resume": {"POST": _Endpoint(_resume)},
    f"{PREFIX}/step": {"POST": _Endpoint(_step)},
    f"{PREFIX}/inject": {"POST": _Endpoint(_inject, {"session": _SESSION, "channel": _CHANNEL, "data": _DATA})},
    f"{PREFIX}/faults": {
        "GET": _Endpoint(_faults),
        "POST": _Endpoint(_add_fault, {"fault": _FAULT}),
        "DELETE": _Endpoint(_clear_faults),
    },
}


def endpoints() -> set[tuple[str, str]]:
    """All that is answered, as (method, path)."""
    return {(method, path) for path, methods in _ENDPOINTS.items() for method in methods}


def _route(request: HttpRequest, standin: Controlled) -> JSON:
    methods = _ENDPOINTS.get(request.target.partition("?")[0])
    if methods is None:
        known = ", ".join(path.removeprefix(f"{PREFIX}/") for path in _ENDPOINTS)
        _refuse(404, f"there is no such thing under {PREFIX}/; there are: {known}")
    endpoint = methods.get(request.method)
    if endpoint is None:
        allowed = ", ".join(methods)
        _refuse(405, f"it takes {allowed} alone", (("Allow", allowed),))
    body = _body(request.body, endpoint.fields) if request.method == "POST" else {}
    try:
        return endpoint.act(standin, body)
    except UsageError as exc:
        _refuse(409, str(exc))


def _body(content: bytes, fields: dict[str, _Field]) -> dict[str, JSON]:
    """Return the fields of a body, each checked."""
    try:
        body = load_json(content) if content.strip() else {}
        json.dumps(body, allow_nan=False)  # Python reads NaN and 1e999, no client could
    except ValueError as exc:
        _refuse(400, f"the body is not JSON: {exc}")
    if not isinstance(body, dict):
        _refuse(400, f"the body must be a JSON object, not {_shown(body)}")
    for name in body:
        if name not in fields:
            _refuse(400, f"unknown field {_shown(name)}; it takes {', '.join(fields) or 'none'}")
    for name, wanted in fields.items():
        if name not in body:
            if wanted.required:
                _refuse(400, f"{name} is missing: {wanted.meaning}")
        elif not wanted.fits(body[name]):
            _refuse(400, f"{name} must be {wanted.meaning}, not {_shown(body[name])}")
    return body


class _Refused(Exception):
    def __init__(self, status: int, text: str, headers: Headers) -> None:
        self.status, self.text, self.headers = status, text, headers
        super().__init__(text)


def _refuse(status: int, text: str, headers: Headers = ()) -> NoReturn:
    raise _Refused(status, text, headers)


def _reply(number: int, status: int, answer: JSON, headers: Headers = ()) -> HttpResponse:
    return HttpResponse(number, status, (*_HEADERS, *headers), f"{json.dumps(answer)}\n".encode())


def _shown(value: JSON) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _values(headers: Headers, wanted: str) -> list[str]:
    return [value.strip() for name, value in headers if name.lower() == wanted]


def _bytes(text: str) -> bytes:
    """For comparing in constant time, which takes no text beyond ASCII; a header may hold anything."""
    return text.encode("utf-8", "surrogatepass")
