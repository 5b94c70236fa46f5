"""The control API, against a real stand-in where it can be and a strict fake where it shall not be touched."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.bayeux.messages import to_text
from recorder.bayeux.outbox import Queued
from recorder.errors import UsageError
from recorder.model import Headers
from recorder.replay.engine.faults import Faults, parse
from recorder.replay.engine.http import HttpRequest, HttpResponse
from recorder.replay.server.control import Control, Controlled, carry_out, endpoints
from tests.replay.stage import Stage
from tests.wire import Wire, chained, complete, done, get_me, record_event, twin

TOKEN = "0123456789abcdef"
PORT = 8090
HOST: Headers = (("Host", f"127.0.0.1:{PORT}"),)
SHOWN: Headers = (*HOST, ("X-Recorder-Token", TOKEN))
OPENAPI: dict[str, Any] = json.loads(
    files("recorder.replay.server").joinpath("openapi.json").read_text(encoding="utf-8")
)
DOCS = (Path(__file__).parents[3] / "docs" / "control.md").read_text(encoding="utf-8")


def request(method: str, path: str, body: Any = b"", headers: Headers = SHOWN, number: int = 1) -> HttpRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpRequest(number, "c1", method, f"/__recorder/{path}", headers, content)


def ask(standin: Controlled, method: str, path: str, body: Any = b"", headers: Headers = SHOWN) -> tuple[int, Any]:
    reply = Control(TOKEN, PORT).handle(request(method, path, body, headers), standin)
    return reply.status, json.loads(reply.body)


class Steered:
    """A real stand-in on a stage; it cannot be paused."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.recording = stage, stage.standin._recording

    def state(self) -> dict[str, Any]:
        standin = self.stage.standin
        played = standin.report()["played"]
        sessions = [
            {
                "name": p.name,
                "clientId": p.client_id,
                "recorded": p.recorded,
                "played": played[p.name],
                "pending": [
                    {
                        "triple": None if run.place is None else standin._matcher.triples[run.place].n or None,
                        "steps": len(run.steps) - run._next,
                        "dueIn": None if run.due() is None else max(0.0, run.due() - self.stage.now),
                    }
                    for run in p.runs
                ],
                "parked": p.client_id is not None and standin._bayeux.is_polling(p.client_id),
                "streams": [],
                "left": p.left,
            }
            for p in standin._playheads
        ]
        return {"paused": False, "sessions": sessions}

    def report(self) -> dict[str, Any]:
        return self.stage.standin.report()

    def advance(self, seconds: float) -> None:
        self.stage.wait(seconds)

    def pause(self) -> None:
        raise UsageError("a stage cannot be paused")

    def resume(self) -> None:
        self.pause()

    def step(self) -> str | None:
        self.pause()
        return None

    def inject(self, session: str, channel: str, data: Any) -> None:
        playhead = next(p for p in self.stage.standin._playheads if p.name == session)
        assert playhead.client_id is not None
        self.stage.standin._bayeux.push(playhead.client_id, Queued(to_text({"channel": channel, "data": data})))
        self.stage.driver()

    def add_fault(self, text: str) -> None:
        known = [parse(fault) for fault, _ in self.stage.standin.faults.report()]
        self.stage.standin.faults = Faults([*known, parse(text)], self.recording)

    def clear_faults(self) -> None:
        self.stage.standin.faults = Faults([], self.recording)

    def order(self) -> dict[str, Any]:
        raise UsageError("a stage notes no order")

    def begin_anew(self, deviations: Sequence[str]) -> None:
        raise UsageError(f"a stage cannot begin anew: {deviations}")

    def next_trial(self, passed: bool | None, says: str, *, minds_misses: bool) -> dict[str, Any]:
        raise UsageError(f"a stage has no trials: {passed} {says} {minds_misses}")


class Fake:
    """Notes what it was told; can be paused."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.paused = False
        self.streams: dict[str, list[dict[str, Any]]] = {}

    def state(self) -> dict[str, Any]:
        own: dict[str, Any] = {"recorded": None, "played": [], "pending": [], "parked": False}
        known = [("p1", "c1", False), ("p2", None, False), ("p3", "c3", True)]
        sessions = [
            own | {"name": name, "clientId": client, "left": left, "streams": self.streams.get(name, [])}
            for name, client, left in known
        ]
        return {"paused": self.paused, "sessions": sessions}

    def report(self) -> dict[str, Any]:
        nothing = ("unplayed", "unplayed_events", "unsubscribed_events", "unheard", "misses", "faults")
        return {"played": {}} | {name: [] for name in nothing}

    def advance(self, seconds: float) -> None:
        self.told.append(("advance", seconds))

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def step(self) -> str | None:
        return "ack of triple 1" if self.paused else None

    def inject(self, session: str, channel: str, data: Any) -> None:
        self.told.append(("inject", session, channel, data))

    def add_fault(self, text: str) -> None:
        if text == "nonsense":
            raise UsageError("fault 'nonsense': it should begin with one of: drop")
        self.told.append(("fault", text))

    def clear_faults(self) -> None:
        self.told.append("clear")

    def order(self) -> dict[str, Any]:
        act = {"name": "request 1", "at": 0.0, "answer": None, "session": "p1"}
        return {"id": "recorded", "deviations": [], "unmet": [], "order": [act]}

    def begin_anew(self, deviations: Sequence[str]) -> None:
        if "nonsense" in deviations:
            raise UsageError("deviation 'nonsense': it should begin with an ack or an event")
        self.told.append(("anew", *deviations))

    def next_trial(self, passed: bool | None, says: str, *, minds_misses: bool) -> dict[str, Any]:
        self.told.append(("trial", passed, says, minds_misses))
        return {"trial": {"number": 1, "id": "recorded", "deviations": [], "why": "recorded order"}, "result": None}


class Untouchable:
    """Fails as soon as anything of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a refused request reached {name}")


@pytest.fixture
def stage() -> Stage:
    """Two triples; the first has an event half a second after its request."""
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r1"), record_event("ChainedRecord", 7, "r1"), twin("ChainedRecord"), done(7, "r1"), ms=250)
    desk.asks(complete(7, "r2"), record_event("RecordProcessedAcknowledge", 7, "r2"))
    wire.respond(desk.post(get_me()), {"statusCode": 0})
    return Stage(wire.recording(), rate=1)


@pytest.fixture
def steered(stage: Stage) -> Steered:
    return Steered(stage)


# What it shows


def test_the_state_tells_who_is_there_and_what_is_on_its_way(stage: Stage, steered: Steered) -> None:
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7, "live"))
    stage.wait(0.3)

    assert ask(steered, "GET", "state") == (
        200,
        {
            "paused": False,
            "sessions": [
                {
                    "name": "p1",
                    "clientId": desk.client_id,
                    "recorded": "s1",
                    "played": [1],
                    "pending": [{"triple": 1, "steps": 3, "dueIn": pytest.approx(0.2)}],
                    "parked": True,
                    "left": False,
                    "streams": [],
                }
            ],
        },
    )


def test_the_report_holds_the_whole_text_of_a_miss(stage: Stage, steered: Steered) -> None:
    reply = stage.desk().answer(chained(8))

    status, report = ask(steered, "GET", "report")

    assert status == 200
    assert [miss["text"] for miss in report["misses"]] == [reply.body.decode()]
    assert report["unplayed"] == [1, 2]
    assert report["played"] == {"p1": []}


# What it steers


def test_advance_moves_the_clock_and_what_is_due_leaves(stage: Stage, steered: Steered) -> None:
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7, "live"))

    status, state = ask(steered, "POST", "advance", {"seconds": 0.6})

    assert status == 200
    assert desk.said == ["ack 200", "ChainedRecord"]
    assert state["sessions"][0]["pending"] == [{"triple": 1, "steps": 2, "dueIn": pytest.approx(0.15)}]


def test_an_injected_event_reaches_the_client_like_a_recorded_one(stage: Stage, steered: Steered) -> None:
    desks = [stage.desk(), stage.desk()]
    for desk in desks:
        desk.listens()
    event = {"channel": "/v2/me/outbound", "data": {"notificationType": "Injected"}}

    answer = ask(steered, "POST", "inject", event | {"session": desks[1].client_id})

    assert answer == (200, {"sessions": ["p2"]})
    assert [desk.events for desk in desks] == [[], [event]]


def test_a_fault_is_added_counts_and_is_cleared(stage: Stage, steered: Steered) -> None:
    fault = "drop event ChainedRecord#1"  # its twin is the second
    desk = stage.desk()
    desk.listens()

    added = ask(steered, "POST", "faults", {"fault": fault})
    desk.posts(chained(7, "live"))
    stage.wait(5)

    assert added == (200, {"faults": [{"fault": fault, "hit": 0}]})
    assert desk.said == ["ack 200", "ChainedRecord twin", "ChainedRecordsDataEnd"]
    assert ask(steered, "GET", "faults") == (200, {"faults": [{"fault": fault, "hit": 1}]})
    assert ask(steered, "DELETE", "faults") == (200, {"faults": []})


def test_a_fault_nobody_can_read_is_a_wrong_body(steered: Steered) -> None:
    status, answer = ask(steered, "POST", "faults", {"fault": "drop everything"})

    assert status == 400
    assert "drop everything" in answer["error"]


def test_pause_step_and_resume_are_handed_on() -> None:
    fake = Fake()

    assert ask(fake, "POST", "pause")[1]["paused"] is True
    assert ask(fake, "POST", "step") == (200, {"played": "ack of triple 1"})
    assert ask(fake, "POST", "resume", {})[1]["paused"] is False
    assert ask(fake, "POST", "step", b"  ") == (200, {"played": None})


@pytest.mark.parametrize(
    ("session", "names"), [({}, ["p1", "p2"]), ({"session": "p2"}, ["p2"]), ({"session": "c1"}, ["p1"])]
)
def test_an_event_is_injected_by_name_by_client_id_or_to_all_that_are_there(
    session: dict[str, str], names: list[str]
) -> None:
    fake = Fake()

    assert ask(fake, "POST", "inject", {"channel": "/a/b", "data": None} | session) == (200, {"sessions": names})
    assert fake.told == [("inject", name, "/a/b", None) for name in names]


@pytest.mark.parametrize("topic", ["order.changed", "v2.users.7.presence", "message", "ä b"])
def test_an_event_with_a_topic_is_injected_where_a_stream_is(topic: str) -> None:
    fake = Fake()
    fake.streams = {"p2": [{"key": "stream-1", "open": False, "waiting": 0}]}

    assert ask(fake, "POST", "inject", {"channel": topic, "data": 1}) == (200, {"sessions": ["p2"]})
    assert fake.told == [("inject", "p2", topic, 1)]
    answer = ask(fake, "POST", "inject", {"channel": topic, "data": 1, "session": "p1"})
    assert answer[0] == 400


@pytest.mark.parametrize("session", ["p3", "c3", "p9"])
def test_an_event_for_a_session_that_is_not_there_is_refused(session: str) -> None:
    fake = Fake()

    assert ask(fake, "POST", "inject", {"channel": "/a", "data": 1, "session": session}) == (
        404,
        {"error": f'no live session "{session}"; live are: p1, p2'},
    )
    assert fake.told == []


def test_what_a_stand_in_cannot_do_is_a_conflict_with_its_reason(steered: Steered) -> None:
    assert ask(steered, "POST", "pause") == (409, {"error": "a stage cannot be paused"})


# What it does not take


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("advance", b"", "seconds is missing: a number of seconds above 0, 31622400 at most"),
        ("advance", b"{", "the body is not JSON: "),
        ("advance", b"\xff\xfe{", "the body is not JSON: "),
        ("advance", b'{"seconds": 1e999}', "the body is not JSON: Out of range float values are not JSON compliant"),
        ("advance", b'{"seconds": NaN}', "the body is not JSON: "),
        ("advance", b"[" * 5000 + b"]" * 5000, "the body is not JSON: nested too deeply"),
        ("advance", [1], "the body must be a JSON object, not [1]"),
        ("advance", {"seconds": "30"}, 'seconds must be a number of seconds above 0, 31622400 at most, not "30"'),
        ("advance", {"seconds": 0}, "seconds must be"),
        ("advance", {"seconds": -1}, "seconds must be"),
        ("advance", {"seconds": True}, "seconds must be"),
        ("advance", {"seconds": 10**400}, "seconds must be"),
        ("advance", {"seconds": 1, "minutes": 1}, 'unknown field "minutes"; known fields: seconds'),
        ("pause", {"now": 1}, 'unknown field "now"; known fields: none'),
        ("inject", {"data": 1}, "channel is missing: a channel events can be pushed on"),
        ("inject", {"channel": "/a"}, "data is missing: any JSON value"),
        ("inject", {"channel": "a", "data": 1}, "channel must be a channel events can be pushed on"),
        ("inject", {"channel": "/a/**", "data": 1}, "channel must be"),
        ("inject", {"channel": "/a//b", "data": 1}, "channel must be"),
        ("inject", {"channel": "/meta/connect", "data": 1}, "channel must be"),
        ("inject", {"channel": 7, "data": 1}, "channel must be"),
        ("inject", {"channel": "", "data": 1}, "channel must be"),
        ("inject", {"channel": "a\ndata: forged", "data": 1}, "channel must be"),
        ("inject", {"channel": "/a", "data": 1, "session": 7}, "session must be the name or clientId of a session"),
        ("faults", {"fault": " "}, "fault must be text as after --fault"),
        ("faults", {"fault": "nonsense"}, "fault 'nonsense': it should begin with one of: drop"),
    ],
)
def test_a_wrong_body_is_named_and_changes_nothing(path: str, body: Any, error: str) -> None:
    fake = Fake()

    status, answer = ask(fake, "POST", path, body)

    assert status == 400
    assert answer["error"].startswith(error)
    assert "\n" not in answer["error"]
    assert (fake.told, fake.paused) == ([], False)


@pytest.mark.parametrize("path", ["", "nothing", "state/", "State", "../api/v2/me"])
def test_an_unknown_path_is_not_found(path: str) -> None:
    status, answer = ask(Fake(), "GET", path)

    assert status == 404
    assert answer["error"].endswith(
        "there are: state, report, advance, pause, resume, step, inject, faults, schedule, trial"
    )


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "state", "GET"),
        ("GET", "pause", "POST"),
        ("PUT", "faults", "GET, POST, DELETE"),
        ("HEAD", "state", "GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(method: str, path: str, allowed: str) -> None:
    reply = Control(TOKEN, PORT).handle(request(method, path), Fake())

    assert reply.status == 405
    assert ("Allow", allowed) in reply.headers


def test_a_query_changes_nothing() -> None:
    assert ask(Fake(), "GET", "state?pretty")[0] == 200


@pytest.mark.parametrize(
    ("target", "owned"),
    [
        ("/__recorder/state", True),
        ("/__recorder", True),
        ("/__recorder?x", True),
        ("/__recorder/", True),
        ("/__recorders", False),
        ("/api/v2/me", False),
        ("/api?/__recorder/", False),
    ],
)
def test_only_its_own_paths_are_kept_from_the_recording(target: str, owned: bool) -> None:
    assert Control.owns(target) is owned


# Whom it lets in


@pytest.mark.parametrize(
    "headers",
    [
        (("Host", "localhost:8090"), ("X-Recorder-Token", TOKEN)),
        (("HOST", "LocalHost:8090"), ("x-recorder-token", f" {TOKEN} ")),
        (("Host", "[::1]:8090"), ("Authorization", f"Bearer {TOKEN}")),
        (*HOST, ("Authorization", f"bearer {TOKEN}")),
        (*SHOWN, ("Origin", "http://127.0.0.1:8090")),
        (*HOST, ("Authorization", "Basic YTpi"), ("X-Recorder-Token", TOKEN)),
    ],
)
def test_who_shows_the_token_on_loopback_is_let_in(headers: Headers) -> None:
    assert ask(Fake(), "GET", "state", headers=headers)[0] == 200


BY_TOKEN = "the control API needs its token, in X-Recorder-Token or as Authorization: Bearer"
BY_HOST = "the control API answers only to localhost, 127.0.0.1 and [::1] with the stand-in's port"
BY_ORIGIN = "the control API takes no requests from pages of another origin"


def without(name: str, *more: tuple[str, str]) -> Headers:
    return (*((n, v) for n, v in SHOWN if n != name), *more)


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        (HOST, BY_TOKEN),
        (without("X-Recorder-Token", ("X-Recorder-Token", "")), BY_TOKEN),
        (without("X-Recorder-Token", ("X-Recorder-Token", TOKEN.upper())), BY_TOKEN),
        (without("X-Recorder-Token", ("X-Recorder-Token", TOKEN[:-1])), BY_TOKEN),
        (without("X-Recorder-Token", ("X-Recorder-Token", f"{TOKEN}é")), BY_TOKEN),
        (without("X-Recorder-Token", ("Authorization", TOKEN)), BY_TOKEN),
        (without("X-Recorder-Token", ("Authorization", f"Basic {TOKEN}")), BY_TOKEN),
        (without("X-Recorder-Token", ("Cookie", f"X-Recorder-Token={TOKEN}")), BY_TOKEN),
        (without("Host"), BY_HOST),
        (without("Host", ("Host", "localhost")), BY_HOST),
        (without("Host", ("Host", "localhost:8091")), BY_HOST),
        (without("Host", ("Host", "gws.example:8090")), BY_HOST),
        (without("Host", ("Host", "localhost.attacker.example:8090")), BY_HOST),
        (without("Host", ("Host", "127.0.0.1.attacker.example:8090")), BY_HOST),
        (without("Host", ("Host", "10.0.0.1:8090")), BY_HOST),
        (without("Host", ("Host", "0.0.0.0:8090")), BY_HOST),
        (without("Host", ("Host", "::1:8090")), BY_HOST),
        ((*SHOWN, ("Host", "localhost:8090")), BY_HOST),
        ((*SHOWN, ("Origin", "null")), BY_ORIGIN),
        ((*SHOWN, ("Origin", "https://127.0.0.1:8090")), BY_ORIGIN),
        ((*SHOWN, ("Origin", "http://localhost:8090")), BY_ORIGIN),
        ((*SHOWN, ("Origin", "http://127.0.0.1:9")), BY_ORIGIN),
        ((*SHOWN, ("Origin", "https://attacker.example")), BY_ORIGIN),
        ((*SHOWN, ("Origin", "http://127.0.0.1:8090"), ("Origin", "https://attacker.example")), BY_ORIGIN),
    ],
)
def test_who_is_not_meant_is_refused_in_one_line(headers: Headers, error: str) -> None:
    for method, path in [("GET", "state"), ("POST", "pause"), ("OPTIONS", "inject"), ("GET", "nothing")]:
        assert ask(Untouchable(), method, path, headers=headers) == (403, {"error": error})


def test_on_port_80_a_host_needs_no_port() -> None:
    headers = (("Host", "localhost"), ("X-Recorder-Token", TOKEN))

    assert Control(TOKEN, 80).handle(request("GET", "state", headers=headers), Fake()).status == 200


def test_without_a_token_there_is_no_control() -> None:
    with pytest.raises(ValueError, match="needs a token"):
        Control("", PORT)


METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"]) | st.text(max_size=8)
PATHS = st.sampled_from(sorted({path.removeprefix("/__recorder/") for _, path in endpoints()})) | st.text(max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(["seconds", "session", "channel", "data", "fault"]) | st.text(max_size=5)
BODIES = st.binary(max_size=200) | st.dictionaries(FIELDS, VALUES, max_size=4).map(lambda v: json.dumps(v).encode())
NAMES = st.sampled_from(["Authorization", "X-Recorder-Token", "Cookie", "Origin", "X-Forwarded-For"]) | st.text()
OTHERS = st.lists(st.tuples(NAMES, st.text().filter(lambda v: TOKEN not in v)), max_size=4).map(tuple)


@given(method=METHODS, path=PATHS, body=BODIES, others=OTHERS)
def test_without_the_token_nothing_is_answered_and_nothing_touched(
    method: str, path: str, body: bytes, others: Headers
) -> None:
    reply = Control(TOKEN, PORT).handle(request(method, path, body, (*HOST, *others)), Untouchable())

    assert reply.status == 403
    assert list(json.loads(reply.body)) == ["error"]


@given(method=METHODS, path=PATHS, body=BODIES)
def test_any_body_gets_an_answer(method: str, path: str, body: bytes) -> None:
    reply = Control(TOKEN, PORT).handle(request(method, path, body, number=7), Fake())

    assert reply.number == 7
    assert reply.status in (200, 400, 404, 405)
    assert isinstance(json.loads(reply.body), dict)
    assert ("Content-Type", "application/json") in reply.headers


@given(body=BODIES)
def test_any_body_does_no_harm_to_a_real_stand_in(body: bytes) -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))
    stage = Stage(wire.recording())
    desk = stage.desk()
    desk.listens()
    for path in ("inject", "faults", "advance"):
        assert ask(Steered(stage), "POST", path, body)[0] in (200, 400, 404)

    assert desk.answer(chained(7, "live")).status == 200


# What is documented


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in OPENAPI["paths"].items()
        for method, operation in methods.items()
    }


def resolved(node: Any) -> Any:
    """What a reference points at; a KeyError where it points at nothing."""
    if isinstance(node, dict) and "$ref" in node:
        assert node["$ref"].startswith("#/")
        found: Any = OPENAPI
        for part in node["$ref"][2:].split("/"):
            found = found[part]
        return resolved(found)
    return node


def nodes(node: Any) -> list[Any]:
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [node, *(found for child in inner for found in nodes(child))]


KINDS: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip


def problems(value: Any, schema: dict[str, Any], where: str = "") -> list[str]:
    """Where a value is not as a schema says; knows the keywords that stand in the file."""
    schema = resolved(schema)
    kinds = schema.get("type", list(KINDS))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    fits = [isinstance(value, KINDS[k]) and (k == "boolean" or not isinstance(value, bool)) for k in kinds]
    found = [] if any(fits) else [f"{where} is no {kinds}"]
    if isinstance(value, dict) and "object" in kinds:
        known = schema.get("properties", {})
        found += [f"{where}/{name} is missing" for name in schema.get("required", ()) if name not in value]
        for name, inner in value.items():
            more = known.get(name, schema.get("additionalProperties", True))
            if more is False:
                found.append(f"{where}/{name} is unknown")
            elif more is not True:
                found += problems(inner, more, f"{where}/{name}")
    if isinstance(value, list) and "items" in schema:
        found += [p for n, inner in enumerate(value) for p in problems(inner, schema["items"], f"{where}/{n}")]
    if isinstance(value, str):
        found += [f"{where} is too short"] * (len(value) < schema.get("minLength", 0))
        found += [f"{where} does not fit"] * (re.search(schema.get("pattern", ""), value) is None)
    if isinstance(value, int | float) and not isinstance(value, bool):
        found += [f"{where} is too small"] * (value < schema.get("minimum", value))
        found += [f"{where} is too small"] * (value <= schema.get("exclusiveMinimum", value - 1))
        found += [f"{where} is too big"] * (value > schema.get("maximum", value))
    return found


def content(node: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = resolved(node)["content"]["application/json"]
    return found


def test_the_openapi_file_describes_exactly_what_is_answered() -> None:
    assert set(operations()) == endpoints()


def test_the_documentation_names_exactly_what_is_answered() -> None:
    assert set(re.findall(r"^\| `(\w+) (/\S+)`", DOCS, re.MULTILINE)) == endpoints()


def test_the_openapi_file_is_well_formed() -> None:
    assert re.fullmatch(r"3\.1\.\d+", OPENAPI["openapi"])
    assert {"title", "version"} <= OPENAPI["info"].keys()
    assert OPENAPI.keys() <= {"openapi", "info", "servers", "security", "paths", "components"}
    used = [node["$ref"] for node in nodes(OPENAPI) if isinstance(node, dict) and "$ref" in node]
    parts = OPENAPI["components"]
    defined = {f"#/components/{kind}/{name}" for kind in ("responses", "schemas") for name in parts[kind]}
    assert set(used) == defined
    assert {name for needed in OPENAPI["security"] for name in needed} == parts["securitySchemes"].keys()
    assert parts["securitySchemes"]["token"] == {"type": "apiKey", "in": "header", "name": "X-Recorder-Token"}
    assert parts["securitySchemes"]["bearer"] == {"type": "http", "scheme": "bearer"}


def test_each_documented_operation_is_complete() -> None:
    ids = [operation["operationId"] for operation in operations().values()]
    assert len(set(ids)) == len(ids)
    for (method, _), operation in operations().items():
        assert operation["summary"]
        assert {"200", "403"} <= operation["responses"].keys()
        assert ("400" in operation["responses"]) is (method == "POST")
        for response in operation["responses"].values():
            assert resolved(response)["description"]
            assert content(response)["schema"]


def test_each_documented_schema_says_only_what_the_tests_check() -> None:
    keywords = {
        "type", "properties", "required", "additionalProperties", "items", "description", "minimum", "maximum",
        "exclusiveMinimum", "minLength", "pattern",
    }  # fmt: skip
    schemas = [n for n in nodes(OPENAPI["paths"]) if isinstance(n, dict) and "type" in n]
    schemas += [n for n in nodes(OPENAPI["components"]["schemas"]) if isinstance(n, dict) and _is_schema(n)]
    assert {key for schema in schemas for key in schema} <= keywords
    for schema in schemas:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        assert set(schema.get("required", ())) <= schema.get("properties", {}).keys()
        assert set(kinds) <= KINDS.keys()


def _is_schema(node: dict[str, Any]) -> bool:
    return isinstance(node.get("type"), str | list)


@pytest.mark.parametrize(("method", "path"), sorted(endpoints()))
def test_what_is_answered_is_as_documented(stage: Stage, steered: Steered, method: str, path: str) -> None:
    operation = operations()[method, path]
    body = content(operation["requestBody"])["example"] if "requestBody" in operation else {}
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7, "live"))
    desk.posts(chained(9))
    stage.wait(0.3)
    steered.add_fault("drop event ChainedRecord#2")
    body = {"fault": "delay ack CompleteRecord 3s"} if "fault" in body else body
    standins: list[Controlled] = [steered, Fake()]

    for standin in standins:
        status, answer = ask(standin, method, path.removeprefix("/__recorder/"), body)

        assert problems(answer, content(operation["responses"][str(status)])["schema"]) == []


@pytest.mark.parametrize(("method", "path"), sorted(key for key, op in operations().items() if "requestBody" in op))
def test_a_documented_example_is_taken_and_a_refused_body_is_not_documented(method: str, path: str) -> None:
    described = content(operations()[method, path]["requestBody"])

    def taken(body: Any) -> bool:
        return ask(Fake(), method, path.removeprefix("/__recorder/"), body)[0] == 200

    assert taken(described["example"])
    assert problems(described["example"], described["schema"]) == []
    assert not taken(described["example"] | {"unknown": 1})
    assert problems(described["example"] | {"unknown": 1}, described["schema"]) == ["/unknown is unknown"]


@given(path=st.sampled_from(["advance", "inject", "faults"]), body=st.dictionaries(FIELDS, VALUES, max_size=4))
def test_what_the_schema_refuses_is_refused(path: str, body: dict[str, Any]) -> None:
    schema = content(operations()["POST", f"/__recorder/{path}"]["requestBody"])["schema"]
    wrong = problems(body, schema)

    status, _ = ask(Fake(), "POST", path, body)

    if wrong:
        assert status == 400


def test_a_stand_in_begins_anew_in_the_order_that_is_asked_for() -> None:
    fake = Fake()

    status, answer = ask(fake, "POST", "schedule", {"deviations": ["event 1.1 before ack 1"]})

    assert (status, answer["id"]) == (200, "recorded")
    assert fake.told == [("anew", "event 1.1 before ack 1")]


def test_an_order_that_cannot_be_is_a_wrong_request() -> None:
    status, answer = ask(Fake(), "POST", "schedule", {"deviations": ["nonsense"]})

    assert (status, answer) == (400, {"error": "deviation 'nonsense': it should begin with an ack or an event"})


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, ("trial", None, "", True)),
        ({"passed": True}, ("trial", True, "", True)),
        ({"passed": False, "says": "no record", "misses": "ignore"}, ("trial", False, "no record", False)),
    ],
)
def test_a_trial_is_judged_before_the_next_one_begins(body: dict[str, Any], told: tuple[object, ...]) -> None:
    fake = Fake()

    status, answer = ask(fake, "POST", "trial", body)

    assert (status, answer["trial"]["number"]) == (200, 1)
    assert fake.told == [told]


def test_replies_are_not_kept_by_anybody() -> None:
    reply: HttpResponse = Control(TOKEN, PORT).handle(request("GET", "state"), Fake())

    assert ("Cache-Control", "no-store") in reply.headers
    assert ("X-Content-Type-Options", "nosniff") in reply.headers


@pytest.mark.parametrize(
    ("method", "action", "body", "status"),
    [
        ("GET", "state", b"", 200),
        ("POST", "pause", b"", 200),
        ("POST", "advance", b'{"seconds": 1}', 200),
        ("POST", "advance", b"{", 400),
        ("POST", "inject", b'{"session": "nobody", "channel": "/a", "data": 1}', 404),
        ("POST", "../state", b"", 404),
        ("DELETE", "pause", b"", 405),
    ],
)
def test_who_was_admitted_elsewhere_gets_the_same_answers(method: str, action: str, body: bytes, status: int) -> None:
    found = carry_out(method, action, body, Fake())

    assert found == ask(Fake(), method, action, body)
    assert found[0] == status
