"""Answer the control API at `/__recorder/`, which shows and steers a stand-in while it serves. Sans-IO.

A caller of the control API can push events into a client. A request must therefore have three things: the token; a Host
header that names the loopback of this machine, which a page after DNS rebinding cannot send; and no foreign Origin. All
three are checked before any other part of the request is read. `openapi.json` beside this file describes the control
API, and docs/control.md explains it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol, TypeAlias

from ...bayeux import channels
from ...bayeux.json_bodies import load_json
from ...errors import UsageError
from ...model import JSON, Headers
from ...monitoring.answers import (
    HEALTH,
    METRICS,
    PREFIX,
    TOKEN_HEADER,
    Answer,
    health,
    metrics,
    path_of,
    shows_token,
)
from ...monitoring.openmetrics import Family, Sample, counter, gauge
from ...monitoring.process import process_families
from ..engine.http import HttpRequest, HttpResponse
from ..engine.status import Figures

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_LONGEST = 366 * 24 * 3600  # seconds that one request may move the clock: at large values a clock's float gets coarse
_HEADERS: Headers = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)


class Controlled(Protocol):
    """The interface that the control API steers: a stand-in and the clock that drives it.

    A method raises `UsageError` if the action is impossible, for example if the clock is the wall's, or if the text of
    a fault cannot be parsed.
    """

    def state(self) -> dict[str, Any]:
        """Return `paused`, and the live sessions under `sessions`, as openapi.json describes them."""

    def report(self) -> dict[str, Any]:
        """Return `played`, `unplayed`, `misses` and `faults`, as openapi.json describes them."""

    def advance(self, seconds: float) -> None:
        """Move the clock by some seconds at once; events and acks that become due leave in their order."""

    def pause(self) -> None:
        """Stop the playing of events and acks, but go on taking requests; do nothing during a pause."""

    def resume(self) -> None:
        """End the pause; the time of the pause does not count for events and acks that are not due yet."""

    def step(self) -> str | None:
        """Play the next event or ack during a pause, due or not; return its name, or None if none is left."""

    def inject(self, session: str, channel: str, data: JSON) -> None:
        """Push an event to the session with a name, as if the event had been recorded."""

    def add_fault(self, text: str) -> None:
        """Add a fault, given as text after `--fault` on the command line."""

    def clear_faults(self) -> None:
        """Remove all faults."""

    def order(self) -> dict[str, Any]:
        """Return the schedule that is played, and what happened so far, as openapi.json describes them."""

    def begin_anew(self, deviations: Sequence[str]) -> None:
        """Forget all clients, and play the recording from the start, in the order that deviations make, as texts."""

    def next_trial(self, passed: bool | None, says: str, *, minds_misses: bool) -> dict[str, Any]:  # noqa: FBT001  # or None
        """Judge the trial of a search that was run last, if `passed` is not None; begin the next one, and return it."""


class Control:
    """The control API of one stand-in: checks and answers the requests for `/__recorder/`."""

    def __init__(self, token: str, port: int) -> None:
        """Set the token and the port that a request must name.

        Args:
            token: The secret; not empty.
            port: Port of the stand-in, as its clients name it in the Host header.

        Raises:
            ValueError: If the token is empty, because an empty token protects nothing.

        """
        if not token:
            raise ValueError("the control API needs a token")
        self._token = token
        self._hosts = frozenset(f"{name}:{port}" for name in _LOOPBACK) | (set(_LOOPBACK) if port == 80 else set())

    @staticmethod
    def owns(target: str) -> bool:
        """Return whether a request's target belongs to the control API, and so not to the recording."""
        path = target.partition("?")[0]
        return path == PREFIX or path.startswith(f"{PREFIX}/")

    def handle(self, request: HttpRequest, standin: Controlled) -> HttpResponse:
        """Carry out one request and return its reply; a refused request changes nothing."""
        try:
            self._admit(request.headers)
            answer = _route(request.method, request.target, request.body, standin)
        except _Refused as refused:
            return _reply(request.number, refused.status, {"error": refused.text}, refused.headers)
        return _reply(request.number, 200, answer)

    def measured(self, request: HttpRequest, families: Callable[[], Iterator[Family]]) -> HttpResponse | None:
        """Return the answer to a request for the counters; None for another request.

        A scraper asks by any name of the machine, and reads only. So the Host is not checked, but the token is.
        """
        if path_of(request.target) != METRICS:
            return None
        return _answered(request, metrics(request.method, request.headers, self._token, families))

    def _admit(self, headers: Headers) -> None:
        """Check the Host, the Origin and the token of a request.

        Raises:
            _Refused: If a check fails; the text names the failed check only, and so gives no secret away.

        """
        hosts = [host.lower() for host in _values(headers, "host")]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            _refuse(403, "the control API answers only to localhost, 127.0.0.1 and [::1] with the stand-in's port")
        if any(origin.lower() != f"http://{hosts[0]}" for origin in _values(headers, "origin")):
            _refuse(403, "the control API takes no requests from pages of another origin")
        if not shows_token(headers, self._token):
            _refuse(403, f"the control API needs its token, in {TOKEN_HEADER} or as Authorization: Bearer")


def is_health(target: str) -> bool:
    """Return whether a request asks for the health of the stand-in; it needs no token, and is no part of a replay."""
    return path_of(target) == HEALTH


def healthy(request: HttpRequest) -> HttpResponse:
    """Return the answer to a request for the health; a stand-in that ends, or has broken, answers nothing."""
    return _answered(request, health(request.method))


def families(figures: Figures, requests: int, refused: int, connections: int, sockets: int) -> Iterator[Family]:
    """Yield the counters of a stand-in and of its process.

    Args:
        figures: What the engine has counted.
        requests: HTTP requests and messages on plain WebSockets that were taken for the recording.
        refused: Requests that were not taken: malformed, too large, or not admitted.
        connections: Open connections.
        sockets: Those of them on which a WebSocket was opened.

    """
    yield counter("recorder_requests", "HTTP requests and WebSocket messages that the stand-in accepted.", requests)
    yield counter("recorder_refused", "Requests that were refused before they were matched.", refused)
    yield counter("recorder_misses", "Requests that matched nothing, and those that were refused.", figures.missed)
    classes = (Sample(count, (("status", f"{first}xx"),)) for first, count in sorted(figures.answers.items()))
    yield Family("recorder_answers", "counter", "Answers of the replay, by the class of their status.", tuple(classes))
    yield counter("recorder_events", "Events that came due and were pushed to a client.", figures.events)
    yield counter("recorder_fault_hits", "Number of times a fault was applied.", figures.fault_hits)
    yield counter("recorder_sessions", "Clients seen since the start.", figures.sessions)
    yield gauge("recorder_sessions_live", "Clients that are still known.", figures.live)
    yield gauge("recorder_polls_held", "Polls that are open.", figures.polls)
    yield gauge("recorder_streams_open", "Open streams, and WebSockets without Bayeux.", figures.streams)
    yield gauge("recorder_connections_open", "Open connections.", connections)
    yield gauge("recorder_websockets_open", "Open WebSockets.", sockets)
    yield gauge("recorder_triples", "Operations in the recording.", figures.triples)
    yield gauge("recorder_triples_unplayed", "Operations that no client has asked for.", figures.unplayed)
    yield gauge("recorder_paused", "1 while the replay is paused, else 0.", int(figures.is_paused))
    yield from process_families()


_Action: TypeAlias = Callable[[Controlled, dict[str, JSON]], JSON]


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a JSON body: `fits` checks a value, `meaning` describes the allowed values in an error message."""

    meaning: str
    fits: Callable[[JSON], bool]
    required: bool = True


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """The action for one method of one path, and the fields of its JSON body."""

    act: _Action
    fields: dict[str, _Field] = field(default_factory=dict)


def _is_duration(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LONGEST


def _is_text(value: JSON) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_channel(value: JSON) -> bool:
    """Return whether a value is a channel for events: no pattern, no `/meta/`, no empty segment; or a topic."""
    if not isinstance(value, str) or channels.is_meta(value):
        return False
    if not value.startswith("/"):
        return _is_text(value) and value.isprintable()
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
    live = [session for session in standin.state()["sessions"] if not session["left"]]
    wanted = body.get("session")
    found = [session for session in live if wanted in (None, session["name"], session["clientId"])]
    if wanted is not None and not found:
        _refuse(404, f"no live session {_shown(wanted)}; live are: {', '.join(s['name'] for s in live) or 'none'}")
    is_topic = not body["channel"].startswith("/")
    names = [session["name"] for session in found if session["streams"] or not is_topic]
    if is_topic and not names:
        _refuse(400, f"channel must be {_CHANNEL.meaning}; only streams take others, and no such session has one")
    for name in names:
        standin.inject(name, body["channel"], body["data"])
    return {"sessions": names}


def _faults(standin: Controlled, _: dict[str, JSON]) -> JSON:
    return {"faults": standin.report()["faults"]}


def _add_fault(standin: Controlled, body: dict[str, JSON]) -> JSON:
    try:
        standin.add_fault(body["fault"])
    except UsageError as exc:  # 400, not the 409 of `_route`: the request is wrong, not the state of the stand-in
        _refuse(400, str(exc))
    return _faults(standin, body)


def _clear_faults(standin: Controlled, body: dict[str, JSON]) -> JSON:
    standin.clear_faults()
    return _faults(standin, body)


def _order(standin: Controlled, _: dict[str, JSON]) -> JSON:
    return standin.order()


def _begin_anew(standin: Controlled, body: dict[str, JSON]) -> JSON:
    try:
        standin.begin_anew(body["deviations"])
    except UsageError as exc:  # 400, not the 409 of `_route`: the request is wrong, not the state of the stand-in
        _refuse(400, str(exc))
    return standin.order()


def _next_trial(standin: Controlled, body: dict[str, JSON]) -> JSON:
    minds_misses = body.get("misses", "fail") != "ignore"
    return standin.next_trial(body.get("passed"), body.get("says", ""), minds_misses=minds_misses)


def _is_flag(value: JSON) -> bool:
    return isinstance(value, bool)


def _is_list_of_texts(value: JSON) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


_SECONDS = _Field(f"a number of seconds above 0, {_LONGEST} at most", _is_duration)
_SESSION = _Field("the name or clientId of a session, as in state", _is_text, required=False)
_CHANNEL = _Field("a channel events can be pushed on, e.g. /topic/name", _is_channel)
_DATA = _Field("any JSON value", lambda _: True)
_FAULT = _Field("text as after --fault, e.g. drop event PreviewRecord#2", _is_text)
_DEVIATIONS = _Field(
    'a list of texts such as "event 4.1 before ack 4" or "event 4.1 before answer p2"', _is_list_of_texts
)
_OUTCOME = {
    "passed": _Field("true or false: whether the client did well in the trial", _is_flag, required=False),
    "says": _Field("a text: why the client did not", lambda value: isinstance(value, str), required=False),
    "misses": _Field("fail or ignore", lambda value: value in ("fail", "ignore"), required=False),
}
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
    f"{PREFIX}/schedule": {
        "GET": _Endpoint(_order),
        "POST": _Endpoint(_begin_anew, {"deviations": _DEVIATIONS}),
    },
    f"{PREFIX}/trial": {"POST": _Endpoint(_next_trial, _OUTCOME)},
}


def endpoints() -> set[tuple[str, str]]:
    """Return all endpoints of the control API as pairs of method and path."""
    return {(method, path) for path, methods in _ENDPOINTS.items() for method in methods}


def carry_out(method: str, action: str, body: bytes, standin: Controlled) -> tuple[int, JSON]:
    """Carry out an action for a caller that was admitted elsewhere; return the status and the JSON of the answer.

    Args:
        method: GET, POST or DELETE.
        action: Last segment of the path, such as `pause`.
        body: JSON with the fields of the action; empty for none.
        standin: The stand-in.

    """
    try:
        return 200, _route(method, f"{PREFIX}/{action}", body, standin)
    except _Refused as refused:
        return refused.status, {"error": refused.text}


def _route(method: str, target: str, content: bytes, standin: Controlled) -> JSON:
    methods = _ENDPOINTS.get(target.partition("?")[0])
    if methods is None:
        known = ", ".join(path.removeprefix(f"{PREFIX}/") for path in _ENDPOINTS)
        _refuse(404, f"there is no such path under {PREFIX}/; there are: {known}")
    endpoint = methods.get(method)
    if endpoint is None:
        allowed = ", ".join(methods)
        _refuse(405, f"this path takes only {allowed}", (("Allow", allowed),))
    body = _body(content, endpoint.fields) if method == "POST" else {}
    try:
        return endpoint.act(standin, body)
    except UsageError as exc:
        _refuse(409, str(exc))


def _body(content: bytes, fields: dict[str, _Field]) -> dict[str, JSON]:
    """Parse the JSON object of a request's body, and check its fields; refuse the request if one is wrong."""
    try:
        body = load_json(content) if content.strip() else {}
        json.dumps(body, allow_nan=False)  # Python's parser accepts NaN and 1e999, which are no JSON
    except ValueError as exc:
        _refuse(400, f"the body is not JSON: {exc}")
    if not isinstance(body, dict):
        _refuse(400, f"the body must be a JSON object, not {_shown(body)}")
    for name in body:
        if name not in fields:
            _refuse(400, f"unknown field {_shown(name)}; known fields: {', '.join(fields) or 'none'}")
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


def _answered(request: HttpRequest, answer: Answer) -> HttpResponse:
    return HttpResponse(request.number, answer.status, answer.headers, answer.body)


def _shown(value: JSON) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _values(headers: Headers, wanted: str) -> list[str]:
    return [value.strip() for name, value in headers if name.lower() == wanted]
