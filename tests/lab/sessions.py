"""The sessions that are recorded from the lab: what a desktop sends, step by step."""

from __future__ import annotations

from typing import Any

DEVICE = "/devices/c259da54-7c22-4a43-9440-77a92facc86b"
CHANNELS = ["/v2/me/outbound", "/me/internal"]
NOTES = "/desk/notes"  # the desktop itself publishes there
STATES = "/v2/me/devices"
# options of the lab for `driven_session`
DRIVEN: dict[str, Any] = {"chain": 2, "early": 1, "ackDelayMs": 60, "unasked": True, "clock": 1433915532887}
# what an agent types in about a customer; fictional
CUSTOMER = {
    "phoneNumber": "+49 351 4555017",
    "email": "ada.lovelace@acme-insurance.example",
    "lastName": "Featherstone",
}
_CAMPAIGN = "/api/v2/me/outbound-campaigns/Campaign1"
_COMMON = {"devicePath": DEVICE, "applicationId": 134, "campaignName": "Campaign1"}


def operation(path: str, name: str, reference: Any, events: int, **own: Any) -> dict[str, Any]:
    """One step: an operation, over when `events` events came. `reference` None sends no referenceId."""
    body = {"operationName": name, **_COMMON, **own} | ({} if reference is None else {"referenceId": reference})
    return {"method": "POST", "path": path, "body": body, "events": events, "timeout": 10}


def get_chained_record(reference: Any = "123456789") -> dict[str, Any]:
    """The exchange of the API page."""
    return _script([operation("/api/v2/me/outbound-records/7", "GetChainedRecord", reference, 2)])


def preview_session(prefix: str = "desk-", think: float = 0.15, *, chain: int = 2) -> dict[str, Any]:
    """An agent takes a campaign's preview record and works its chain; referenceIds begin with `prefix`."""
    record = "/api/v2/me/outbound-records/1001"
    lists = {"callingList": "CallingList1"}
    steps = [
        operation(_CAMPAIGN, "StartPreviewSession", f"{prefix}1", 1),
        operation(_CAMPAIGN, "GetPreviewRecord", f"{prefix}2", 2),
        operation(record, "GetChainedRecord", f"{prefix}3", 2 * chain + 2),
        operation(record, "UpdateRecord", f"{prefix}4", 2, **lists, phoneNumber="555-0101", timeZone="EST"),
        operation(record, "CompleteRecord", f"{prefix}5", 2, **lists, callResult="Answer", phoneNumber="555-0101"),
        operation(_CAMPAIGN, "EndPreviewSession", f"{prefix}6", 1),
    ]
    me = {"method": "GET", "path": "/api/v2/me", "timeout": 10}
    return _script([me, *({**step, "think": think} for step in steps)])


def days_work(prefix: str = "desk-", *, timeout: float = 10) -> dict[str, Any]:
    """An agent works three preview records, each with a chain, and looks at the devices between.

    The lab needs `chain` of 2 and `unasked`. Two operations on the last record have no referenceId. A step whose events
    do not come within `timeout` seconds is given up, and the next one begins.
    """
    steps: list[dict[str, Any]] = [{"subscribe": STATES, "events": 1}]
    for n in range(3):
        record, mark, bare = f"/api/v2/me/outbound-records/{1001 + n}", f"{prefix}{n}-", n == 2
        own = {"callingList": "CallingList1", "phoneNumber": f"555-010{n}"}
        steps += [
            operation(_CAMPAIGN, "StartPreviewSession", f"{mark}1", 1),
            operation(_CAMPAIGN, "GetPreviewRecord", f"{mark}2", 2),
            operation(record, "GetChainedRecord", f"{mark}3", 6),
            {"method": "GET", "path": "/api/v2/me/devices", "events": 1},
            operation(record, "UpdateRecord", None if bare else f"{mark}4", 2, **own, timeZone="EST"),
            operation(record, "CompleteRecord", None if bare else f"{mark}5", 2, **own, callResult="Answer"),
            operation(_CAMPAIGN, "EndPreviewSession", f"{mark}6", 1),
        ]
    return _script([{**step, "timeout": timeout, "think": 0.05} for step in steps]) | {"goOn": True}


def anchored_session(prefix: str = "desk-", think: float = 0.15, *, timeout: float = 10) -> dict[str, Any]:
    """An agent works a chain; between, events come that follow a late subscription, a publish and a plain GET.

    The lab needs its option `unasked`, and `chain` of 1. `think` goes before each step that events follow. A step whose
    events do not come within `timeout` seconds is given up, and the next one begins.
    """
    record = "/api/v2/me/outbound-records/1001"
    note = {"noteId": f"{prefix}note", "text": "called back", "tags": ["urgent"]}
    steps = [
        {"subscribe": STATES, "events": 1},
        operation(_CAMPAIGN, "StartPreviewSession", f"{prefix}1", 1),
        {"publish": NOTES, "data": note, "events": 1},
        {"method": "GET", "path": "/api/v2/me/devices", "events": 1},
        operation(record, "GetChainedRecord", f"{prefix}2", 4),
    ]
    me = {"method": "GET", "path": "/api/v2/me"}
    script = _script([me, *({**step, "think": think} for step in steps)])
    script["steps"] = [{**step, "timeout": timeout} for step in script["steps"]]
    return script | {"subscribe": [*CHANNELS, NOTES], "goOn": True}


def driven_session(
    prefix: str = "desk-", think: float = 0.04, *, transport: str = "long-polling", **customer: str
) -> dict[str, Any]:
    """An agent works two preview records; between, events come that follow a late subscription, a publish and a GET.

    The lab needs the options `DRIVEN`, and begins its handles at 1001: so each handle comes out of an event.
    `customer` is what the agent types in about a customer, and no server tells.
    """
    first, second = (f"/api/v2/me/outbound-records/{handle}" for handle in (1001, 1002))
    own = {"callingList": "CallingList1", "phoneNumber": "555-0101", **customer}
    steps = [
        {"subscribe": STATES, "events": 1},
        operation(_CAMPAIGN, "StartPreviewSession", f"{prefix}1", 1),
        operation(_CAMPAIGN, "GetPreviewRecord", f"{prefix}2", 2),
        operation(first, "GetChainedRecord", f"{prefix}3", 6),
        {"publish": NOTES, "data": {"noteId": f"{prefix}note", "text": "called back"}, "events": 1},
        operation(first, "UpdateRecord", f"{prefix}4", 2, **own, timeZone="EST"),
        operation(first, "CompleteRecord", f"{prefix}5", 2, **own, callResult="Answer"),
        {"method": "GET", "path": "/api/v2/me/devices", "events": 1},
        operation(_CAMPAIGN, "GetPreviewRecord", f"{prefix}6", 2),
        operation(second, "CompleteRecord", f"{prefix}7", 2, **own, callResult="No Answer"),
        operation(_CAMPAIGN, "EndPreviewSession", f"{prefix}8", 1),
    ]
    me = {"method": "GET", "path": "/api/v2/me"}
    script = _script([{**step, "timeout": 10} for step in [me, *({**step, "think": think} for step in steps)]])
    return script | {"subscribe": [*CHANNELS, NOTES], "transport": transport}


def _script(steps: list[dict[str, Any]]) -> dict[str, Any]:
    return {"subscribe": CHANNELS, "auth": "agent1:secret", "steps": steps, "linger": 0.1}
