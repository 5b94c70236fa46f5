"""What the shipped dialects of other APIs make of messages in the shapes of their documentation."""

from __future__ import annotations

from typing import Any

import pytest

from recorder.dialect.definition import load
from recorder.model import Recording, State
from tests.wire import Desk, Message, Wire, body

SALESFORCE, SERVICENOW, SERVICE = load("salesforce"), load("servicenow-amb"), load("cometd-service")
WORKSPACE = load("genesys-workspace")
DATA = "/services/data/v60.0"
VOICE = "/workspace/v3/voice"


def ask(desk: Desk, method: str, path: str, content: Any = None) -> int:
    return desk.wire.request(method, path, b"" if content is None else body(content), desk.headers)


def told(recording: Recording) -> list[tuple[str | None, State, list[str]]]:
    return [
        (t.operation, t.state, [f"{one.name} {one.rule} {one.confidence:g}" for one in t.events])
        for t in recording.triples
    ]


def change(kind: str, *records: str, transaction: str = "t1") -> Message:
    header = {"entityName": "Account", "recordIds": list(records), "changeType": kind, "transactionKey": transaction}
    return {"channel": "/data/ChangeEvents", "data": {"payload": {"ChangeEventHeader": header}, "event": {}}}


def topic(kind: str, record: str) -> Message:
    return {"channel": "/topic/Accounts", "data": {"event": {"type": kind}, "sobject": {"Id": record}}}


def part(method: str, path: str) -> dict[str, Any]:
    return {"method": method, "url": f"{DATA}/sobjects/{path}", "referenceId": "one", "body": {}}


def made(record: str) -> dict[str, Any]:
    return {"id": record, "success": True, "errors": []}


def test_a_change_comes_as_cdc_and_by_a_push_topic() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.respond(ask(desk, "PATCH", f"{DATA}/sobjects/account/001A", {"Name": "x"}), b"", 204)
    desk.hears(change("UPDATE", "001A"), topic("updated", "001A"))
    wire.respond(ask(desk, "PATCH", f"{DATA}/sobjects/account/001A", {"Name": "y"}), b"", 204)
    desk.hears(topic("updated", "001A"), change("UPDATE", "001A", transaction="t2"))

    assert told(wire.recording(SALESFORCE)) == [
        ("UpdateRecord", State.COMPLETE, ["UPDATE tuple 0.9", "updated tuple 0.7"]),
        ("UpdateRecord", State.COMPLETE, ["updated tuple 0.7", "UPDATE tuple 0.7"]),
    ]


def test_one_event_may_tell_of_several_records() -> None:
    wire = Wire()
    desk = wire.desk()
    content = {"records": [{"attributes": {"type": "Account"}, "id": name} for name in ("001A", "001B", "001C")]}
    acked = [made("001A"), made("001B"), {"success": False, "errors": [{"statusCode": "NOT_FOUND", "message": "no"}]}]
    wire.respond(ask(desk, "PATCH", f"{DATA}/composite/sobjects", content), acked)
    desk.hears(change("UPDATE", "001B", "001A"), change("UPDATE", "001C", transaction="t2"))

    recording = wire.recording(SALESFORCE)

    assert told(recording) == [("UpdateCollection", State.COMPLETE, ["UPDATE tuple 0.9"])]
    assert [one.event.data["payload"]["ChangeEventHeader"]["recordIds"] for one in recording.unsolicited] == [["001C"]]


def test_a_composite_request_that_changes_records_names_them_in_its_urls() -> None:
    wire = Wire()
    desk = wire.desk()
    parts = [part("PATCH", "Account/001A"), part("DELETE", "Account/001B")]
    acked = {"compositeResponse": [{"body": None, "httpStatusCode": 204, "referenceId": "one"}] * 2}
    wire.respond(ask(desk, "POST", f"{DATA}/composite", {"compositeRequest": parts}), acked)
    desk.hears(change("UPDATE", "001A"), change("DELETE", "001B", transaction="t2"), change("UPDATE", "001C"))

    assert told(wire.recording(SALESFORCE)) == [
        ("Composite", State.COMPLETE, ["UPDATE tuple 0.9", "DELETE tuple 0.9", "UPDATE sibling 0.7"]),
    ]


def test_a_composite_request_that_creates_records_gets_their_ids_in_its_ack() -> None:
    wire = Wire()
    desk = wire.desk()
    asked = ask(
        desk, "POST", f"{DATA}/composite", {"compositeRequest": [part("POST", "Account"), part("POST", "Contact")]}
    )
    desk.hears(change("CREATE", "001A"))
    answers = [{"body": made(name), "httpStatusCode": 201, "referenceId": "one"} for name in ("001A", "003B")]
    wire.respond(asked, {"compositeResponse": answers})
    desk.hears(change("CREATE", "003B", transaction="t2"))

    assert told(wire.recording(SALESFORCE)) == [("Composite", State.COMPLETE, ["CREATE tuple 0.9", "CREATE tuple 0.9"])]


def test_a_platform_event_has_the_id_that_its_ack_told() -> None:
    wire = Wire()
    desk = wire.desk()
    for uuid in ("u-1", "u-2"):
        enqueued: list[Any] = [{"statusCode": "OPERATION_ENQUEUED", "message": uuid, "fields": []}]
        wire.respond(ask(desk, "POST", f"{DATA}/sobjects/Order__e", {}), made("e00A") | {"errors": enqueued}, 201)
    desk.hears(*({"channel": "/event/Order__e", "data": {"event": {"EventUuid": uuid}}} for uuid in ("u-2", "u-1")))

    assert told(wire.recording(SALESFORCE)) == [("CreateRecord", State.COMPLETE, ["published reference 1"])] * 2


def test_an_upsert_is_answered_with_the_id_of_the_record() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.respond(ask(desk, "PATCH", f"{DATA}/sobjects/Account/Number__c/17", {}), made("001A") | {"created": True}, 201)
    desk.hears(change("CREATE", "001A"))

    assert told(wire.recording(SALESFORCE)) == [("UpsertRecord", State.COMPLETE, ["CREATE tuple 0.9"])]


def watched(operation: str, record: str, table: str = "incident", query: str = "YWN0aXZlPXRydWU-") -> Message:
    data = {"action": "change", "operation": operation, "table_name": table, "sys_id": record, "changes": ["state"]}
    return {"channel": f"/rw/default/{table}/{query}", "data": data}


TABLE = "/api/now/table/incident"


@pytest.mark.parametrize(
    ("operation", "method", "path", "event"),
    [
        ("InsertRecord", "POST", TABLE, "insert"),
        ("ReplaceRecord", "PUT", f"{TABLE}/a1", "update"),
        ("UpdateRecord", "PATCH", f"{TABLE}/a1?sysparm_fields=number", "update"),
        ("DeleteRecord", "DELETE", f"{TABLE}/a1", "delete"),
        ("InsertRecordVersioned", "POST", "/api/now/v2/table/incident", "insert"),
        ("UpdateRecordVersioned", "PATCH", "/api/now/v2/table/incident/a1", "update"),
    ],
)
@pytest.mark.parametrize("result", [{"sys_id": "a1"}, {"sys_id": {"value": "a1", "display_value": "a1"}}])
def test_a_watcher_hears_of_the_record(operation: str, method: str, path: str, event: str, result: Any) -> None:
    wire = Wire()
    desk = wire.desk()
    asked = ask(desk, method, path, {"state": "2"})
    wire.respond(asked, b"" if method == "DELETE" else {"result": result}, 204 if method == "DELETE" else 200)
    desk.hears(watched(event, "b2"), watched(event, "a1"))

    recording = wire.recording(SERVICENOW)

    assert told(recording) == [(operation, State.COMPLETE, [f"{event} tuple 0.9"])]
    assert [one.event.data["sys_id"] for one in recording.unsolicited] == ["b2"]


def test_the_id_of_a_new_record_may_be_in_its_url_alone() -> None:
    wire = Wire()
    desk = wire.desk()
    headers = (("Location", "https://dev1.service-now.com/api/now/table/incident/a1"),)
    wire.respond(ask(desk, "POST", TABLE, {}), {"result": {"number": "INC1"}}, 201, headers)
    desk.hears(watched("insert", "a1"))

    assert told(wire.recording(SERVICENOW)) == [("InsertRecord", State.COMPLETE, ["insert tuple 0.9"])]


def test_two_watchers_of_one_client_hear_of_one_change() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.respond(ask(desk, "PATCH", f"{TABLE}/a1", {}), {"result": {"sys_id": "a1"}})
    desk.hears(watched("update", "a1"), watched("update", "a1", table="task", query="c3lz"))

    assert told(wire.recording(SERVICENOW)) == [
        ("UpdateRecord", State.COMPLETE, ["update tuple 0.9", "update tuple 0.7"])
    ]


def failed() -> Message:
    return {"channel": VOICE, "data": {"messageType": "EventError", "error": {"errorCode": 415}}}


def accepted(operation: str) -> dict[str, Any]:
    return {"status": {"code": 1}, "operationId": operation}


def state(call: str, name: str, dnis: str = "1", **own: Any) -> Message:
    about = {"id": call, "state": name, "dnis": dnis}
    data = {"messageType": "CallStateChanged", "notificationType": "StateChange", "call": about, **own}
    return {"channel": VOICE, "data": data}


def test_an_error_is_of_the_request_of_its_session_that_waits() -> None:
    wire = Wire()
    first, other = (wire.desk(headers=(("Cookie", f"WORKSPACE_SESSIONID={name}"),)) for name in ("ann", "bob"))
    for desk in (other, first):
        wire.respond(ask(desk, "POST", f"{VOICE}/make-call", {"data": {"destination": "1"}}), accepted("o1"))
    first.hears(failed(), state("c7", "Dialing"))

    recording = wire.recording(WORKSPACE)

    assert told(recording) == [
        ("MakeCall", State.ACKED, []),
        ("MakeCall", State.FAILED, ["EventError error 0.6"]),
    ]
    assert [one.name for one in recording.unsolicited] == ["StateChange.Dialing"]  # the failed one gets nothing more


def test_an_error_of_two_requests_is_nobodys() -> None:
    wire = Wire()
    desk = wire.desk()
    for number in ("1", "2"):
        wire.respond(ask(desk, "POST", f"{VOICE}/make-call", {"data": {"destination": number}}), accepted(number))
    desk.hears(failed())

    assert told(wire.recording(WORKSPACE)) == [("MakeCall", State.ACKED, [])] * 2


def test_attached_data_is_no_answer_to_the_call_itself() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.respond(ask(desk, "POST", f"{VOICE}/calls/c1/retrieve", {"data": {}}), accepted("o1"))
    pairs = [{"key": "note", "type": "str", "value": "x"}]
    wire.respond(ask(desk, "POST", f"{VOICE}/calls/c1/attach-user-data", {"data": {"userData": pairs}}), accepted("o2"))
    changed = state("c1", "Established")
    changed["data"]["notificationType"] = "AttachedDataChanged"
    desk.hears(changed, state("c1", "Established"))

    assert told(wire.recording(WORKSPACE)) == [
        ("Retrieve", State.COMPLETE, ["StateChange.Established tuple 0.9"]),
        ("AttachUserData", State.COMPLETE, ["AttachedDataChanged.Established tuple 0.9"]),
    ]


def test_the_pairs_of_a_user_event_may_stand_in_any_order() -> None:
    wire = Wire()
    desk = wire.desk()
    pairs = {"GSW_REFERENCE_ID": "7", "GSW_AGENT_REQ_TYPE": "RecordReject", "GSW_RECORD_HANDLE": "1"}
    listed = [{"key": name, "type": "str", "value": value} for name, value in pairs.items()]
    for some in (listed, listed[::-1]):
        wire.respond(ask(desk, "POST", f"{VOICE}/send-user-event", {"data": {"userData": some}}), accepted("o1"))
        event = {"GSW_USER_EVENT": "RecordRejectAcknowledge", "GSW_REFERENCE_ID": "7"}
        desk.hears({"channel": VOICE, "data": {"messageType": "EventUserEvent", "userData": event}})

    assert (
        told(wire.recording(WORKSPACE))
        == [("RecordReject", State.COMPLETE, ["RecordRejectAcknowledge inner_reference 1"])] * 2
    )


def test_a_publish_is_answered_by_its_id_or_on_its_own_channel() -> None:
    wire = Wire()
    desk = wire.desk()
    sent = [{"channel": "/service/quote", "data": {"correlationId": "r-1"}}, {"channel": "/service/clock", "data": {}}]
    for message in sent:
        asked = desk.bayeux({**message, "clientId": desk.client_id, "id": "9"})
        wire.respond(asked, [{"channel": message["channel"], "id": "9", "successful": True}])
    answers = [
        {"channel": "/service/clock", "data": {"now": 1}},
        {"channel": "/quotes", "data": {"correlationId": "r-1"}},
    ]
    desk.hears(*answers)

    assert told(wire.recording(SERVICE)) == [
        ("/service/quote", State.ACKED, ["/quotes reference 1"]),
        ("/service/clock", State.ACKED, ["/service/clock tuple 0.9"]),
    ]
