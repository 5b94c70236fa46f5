"""The core knows nothing of GWS: the same rules, fed with another API's dialect, link another API's events."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder.dialect.definition import load
from recorder.model import Recording, State
from tests.replay.stage import Stage
from tests.wire import HEADER, Desk, Message, Wire, body

SALESFORCE = load("salesforce-changes")
SOBJECTS = "/services/data/v60.0/sobjects"


def change(kind: str, name: str, record: str, **fields: Any) -> Message:
    """A change event as the Streaming API pushes it."""
    header = {
        "entityName": name, "recordIds": [record], "changeType": kind, "transactionKey": "0002343d",
        "sequenceNumber": 1, "commitTimestamp": 1_753_000_000_000, "commitNumber": 4712,
    }  # fmt: skip
    payload = {"ChangeEventHeader": header, **fields}
    return {"channel": "/data/ChangeEvents", "data": {"schema": "s", "payload": payload, "event": {"replayId": 6}}}


def ask(desk: Desk, method: str, path: str, **fields: Any) -> int:
    return desk.wire.request(method, SOBJECTS + path, body(fields) if fields else b"", desk.headers)


def session() -> tuple[Wire, Desk]:
    wire = Wire()
    return wire, wire.desk()


def told(wire: Wire) -> Recording:
    return wire.recording(SALESFORCE)


def links(recording: Recording) -> list[tuple[str | None, State, list[str]]]:
    return [(t.operation, t.state, [f"{link.name} {link.rule}" for link in t.events]) for t in recording.triples]


def test_operations_are_told_by_method_and_url() -> None:
    wire, desk = session()
    wire.respond(ask(desk, "POST", "/Account", Name="Acme"), {"id": "001A", "success": True}, 201)
    desk.hears(change("CREATE", "Account", "001A"))
    wire.respond(ask(desk, "PATCH", "/Account/001A", Name="Acme Inc"), b"", 204)
    desk.hears(change("UPDATE", "Account", "001A"))
    wire.respond(ask(desk, "DELETE", "/Account/001A"), b"", 204)
    desk.hears(change("DELETE", "Account", "001A"))
    wire.respond(ask(desk, "GET", "/Account/001A"), {"Id": "001A"})

    recording = told(wire)

    assert links(recording) == [
        ("CreateRecord", State.COMPLETE, ["CREATE tuple"]),
        ("UpdateRecord", State.COMPLETE, ["UPDATE tuple"]),
        ("DeleteRecord", State.COMPLETE, ["DELETE tuple"]),
    ]
    assert recording.triples[0].keys == {"object": "Account", "record": "001A"}
    assert [t.request.method for t in recording.plain] == ["GET"]
    assert recording.unsolicited == ()


def test_the_event_of_a_creation_may_come_before_the_answer_that_tells_its_id() -> None:
    wire, desk = session()
    post = ask(desk, "POST", "/Account", Name="Acme")
    desk.hears(change("CREATE", "Account", "001B"), change("CREATE", "Account", "001A"))
    wire.respond(post, {"id": "001A", "success": True}, 201)

    recording = told(wire)

    assert links(recording) == [("CreateRecord", State.COMPLETE, ["CREATE tuple"])]
    assert [one.event.data["payload"]["ChangeEventHeader"]["recordIds"] for one in recording.unsolicited] == [["001B"]]


def test_changes_of_others_and_of_other_records_are_nobodys() -> None:
    wire, desk = session()
    wire.respond(ask(desk, "PATCH", "/Account/001A", Name="x"), b"", 204)
    desk.hears(change("UPDATE", "Account", "001C"), change("UPDATE", "Contact", "001A"))

    recording = told(wire)

    assert links(recording) == [("UpdateRecord", State.ACKED, [])]
    assert len(recording.unsolicited) == 2


def test_two_open_changes_of_one_record_are_doubtful() -> None:
    wire, desk = session()
    for name in ("x", "y"):
        ask(desk, "PATCH", "/Account/001A", Name=name)
    desk.hears(change("UPDATE", "Account", "001A", Name="x"), change("UPDATE", "Account", "001A", Name="y"))

    first, second = (t.events[0] for t in told(wire).triples)

    assert (first.confidence, first.rivals) == (0.5, (second.request,))


def test_a_refusal_is_told_by_the_http_status() -> None:
    wire, desk = session()
    wire.respond(ask(desk, "PATCH", "/Account/001A", Nam="x"), [{"errorCode": "INVALID_FIELD"}], 400)

    assert links(told(wire)) == [("UpdateRecord", State.FAILED, [])]


def test_it_plays_back_by_cause() -> None:
    wire, desk = session()
    wire.respond(ask(desk, "PATCH", "/Account/001A", Name="x"), b"", 204)
    wire.wait(1)
    desk.hears(change("UPDATE", "Account", "001A"))
    recording = told(wire)
    stage = Stage(replace(recording, header=replace(HEADER, dialect=SALESFORCE.name)), rate=1)
    live = stage.desk()
    live.listens()
    stage.wait(5)
    assert live.events == []

    live.sends("PATCH", f"{SOBJECTS}/Account/001A", body({"Name": "x"}))
    assert live.events == []
    stage.wait(1)

    assert live.events == [change("UPDATE", "Account", "001A")]
    assert stage.misses == []


@pytest.mark.parametrize("word", ["GSW", "recordHandle", "referenceId", "outbound", "devicePath", "operationName"])
def test_no_word_of_gws_stands_in_the_core(word: str) -> None:
    package = Path(recorder.__file__).parent
    core = [path for name in ("bayeux", "correlate", "dialect", "replay") for path in (package / name).rglob("*.py")]
    texts = {path: re.sub(r'""".*?"""', "", path.read_text(), flags=re.DOTALL) for path in core}
    code = {path.relative_to(package).as_posix(): re.sub(r"#.*", "", text) for path, text in texts.items()}
    ours = re.compile("gws-outbound|outbound-recorder")  # the default dialect, and the name of the product

    assert len(core) > 20
    assert [name for name, text in code.items() if word in ours.sub("", text)] == []
