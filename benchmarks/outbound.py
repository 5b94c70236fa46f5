"""What one agent's desktop asks of the Outbound API of GWS, and what it is told: the messages, without time.

The shapes are those of the API pages. Each record event has a twin on /me/internal, which never has a referenceId; the
event itself has the one of its request, if that had one.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeAlias
from urllib.parse import quote

Message: TypeAlias = dict[str, Any]
Handle: TypeAlias = int | str | None

OUTBOUND, INTERNAL, DEVICES = "/v2/me/outbound", "/me/internal", "/v2/me/devices"
ON_RECORD = ("GetChainedRecord", "GetChainedRecord", "UpdateRecord", "RescheduleRecord", "DoNotCallRecord")
LAST_ON_RECORD = ("CompleteRecord", "RejectRecord")
ON_CAMPAIGN = ("StartPreviewSession", "EndPreviewSession")
BY_NUMBER = ("AddRecord", "DoNotCallRecord")
ON_SESSION = ("StartContactCenterSession", "EndContactCenterSession")
ERRORS: tuple[tuple[int, Any], ...] = (
    (500, {"statusCode": 4, "statusMessage": "Device '5001' is not registered."}),
    (403, {"statusCode": 20, "statusMessage": "Access denied"}),
    (403, "Missing or invalid Csrf token"),
    (200, {"statusCode": 7, "failed": [{"statusCode": 4, "channel": "voice"}], "succeeded": [{"statusCode": 0}]}),
)
_ANSWERS = {  # the last event of each operation; the others have none
    "StartPreviewSession": "PreviewSessionStarted",
    "EndPreviewSession": "PreviewSessionEnded",
    "GetPreviewRecord": "PreviewRecord",
    "GetChainedRecord": "ChainedRecordsDataEnd",
    "RejectRecord": "RecordRejectAcknowledge",
    "CompleteRecord": "RecordProcessedAcknowledge",
    "UpdateRecord": "UpdateCallCompletionStatsAcknowledge",
    "RescheduleRecord": "ScheduledRecordRescheduleAcknowledge",
    "DoNotCallRecord": "DoNotCallAcknowledge",
    "AddRecord": "AddRecordAcknowledge",
}
_LIST = "Calling List 1"


@dataclass(slots=True, eq=False)
class Asked:
    """An operation to ask for; `attempts` are the requests that were sent for it and not refused, by `seq`."""

    name: str
    target: str
    body: Message
    handle: Handle = None
    attempts: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Agent:
    """An agent with a device of his own.

    Attributes:
        missing: Share of requests without a referenceId.
        shared: Agents work on one campaign, and count handles and referenceIds from 1 each.
        handles: Where the server takes the numbers of records from, if they are not shared.

    """

    random: random.Random
    place: int
    missing: float
    shared: bool
    handles: Iterator[int]
    device: str = ""
    _references: Iterator[int] = field(default_factory=lambda: count(1))
    _own_handles: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.device = self._uuid()

    # What it asks for

    def on_session(self, name: str) -> Asked:
        return Asked(name, "/api/v2/me", {"operationName": name, "channels": ["voice"]})

    def on_campaign(self, name: str, handle: Handle = None) -> Asked:
        """An operation on the campaign; `handle` is that of the record it will bring."""
        return Asked(name, f"/api/v2/me/outbound-campaigns/{quote(self._campaign)}", self._body(name), handle)

    def on_record(self, name: str, handle: Handle) -> Asked:
        named = {} if name == "GetChainedRecord" else {"callingList": _LIST}
        body = self._body(name) | {"campaignName": self._campaign} | named
        return Asked(name, f"/api/v2/me/outbound-records/{handle}", body, handle)

    def by_number(self, name: str) -> Asked:
        own = {"campaignName": self._campaign, "callingList": _LIST, "phoneNumber": self._phone()}
        return Asked(name, "/api/v2/me/outbound-records", self._body(name) | own)

    def new_handle(self) -> int | str:
        if self.random.random() < 0.05:
            return self._uuid()
        return next(self._own_handles if self.shared else self.handles)

    # What it is told

    def events(self, asked: Asked) -> list[list[Message]]:
        """What an operation causes: each event with its twin, if it has one."""
        if asked.name not in _ANSWERS:
            return []
        answer, echo = _ANSWERS[asked.name], {k: v for k, v in asked.body.items() if k == "referenceId"}
        if asked.name in ON_CAMPAIGN:
            return [[self._campaign_event(answer, echo)]]
        phone = asked.body.get("phoneNumber")
        if phone is not None:
            return [self._record_events(answer, None, echo, {"phoneNumber": phone}, {"GSW_PHONE": phone})]
        if answer == "PreviewRecord":
            return [self._customer_events(answer, asked.handle, echo)]
        chained = self.random.randrange(4) if asked.name == "GetChainedRecord" else 0
        found = [self._customer_events("ChainedRecord", asked.handle, echo) for _ in range(chained)]
        return [*found, self._record_events(answer, asked.handle, echo, {}, {})]

    def pushed(self) -> list[Message]:
        """Something nobody asked for."""
        match self.random.randrange(4):
            case 0:
                state = [{"id": self.device, "userState": {"state": self.random.choice(["Ready", "NotReady"])}}]
                data = {"messageType": "DeviceStateChangeMessage", "devices": state} | self._metrics()
                return [{"data": data, "channel": DEVICES}]
            case 1:
                about = {"id": self._uuid(), "state": "ReadyToCall", "phone": self._phone()}
                data = {"record": about, "notificationType": "StatusChanged", "messageType": "OutboundRecordMessage"}
                return [{"data": data, "channel": OUTBOUND}]
            case 2:
                return [self._campaign_event("CampaignStarted", {})]
            case _:
                return self._customer_events("PreviewRecord", self.new_handle(), {})

    def error(self) -> Message:
        about = {"devicePath": f"/devices/{self.device}", "deviceUri": f"http://gws.example/devices/{self.device}"}
        return {"data": {"messageType": "ErrorMessage"} | about | self._metrics(), "channel": DEVICES}

    def _customer_events(self, name: str, handle: Handle, echo: Message) -> list[Message]:
        """A record event that brings a customer's record."""
        about = {"GSW_PHONE": self._phone(), "GSW_CALL_ATTEMPT_GUID": self.random.randbytes(8).hex().upper()}
        return self._record_events(name, handle, echo, {"userData": about}, about)

    def _record_events(
        self, name: str, handle: Handle, echo: Message, more: Message, more_user_data: Message
    ) -> list[Message]:
        record = {
            "devicePath": f"/devices/{self.device}",
            "callingList": _LIST,
            "applicationId": self._application,
            "campaignName": self._campaign,
        }
        user_data = {
            "GSW_APPLICATION_ID": self._application,
            "GSW_USER_EVENT": name,
            "GSW_CALLING_LIST": _LIST,
            "GSW_CAMPAIGN_NAME": self._campaign,
            "GSW_CHAIN_ID": 1,
        }
        if handle is not None:
            record["recordHandle"] = user_data["GSW_RECORD_HANDLE"] = handle
        data = {"record": record | more, "notificationType": name, "messageType": "OutboundRecordMessage"}
        twin = {"userData": user_data | more_user_data, "deviceId": self.device}
        return [
            {"data": data | echo, "channel": OUTBOUND},
            {"data": twin | {"messageType": "DeviceUserEventMessage"} | self._metrics(), "channel": INTERNAL},
        ]

    def _campaign_event(self, name: str, echo: Message) -> Message:
        about = {"name": self._campaign, "applicationId": self._application, "devicePath": f"/devices/{self.device}"}
        data = {"campaign": about, "notificationType": name, "messageType": "OutboundCampaignMessage"}
        return {"data": data | echo, "channel": OUTBOUND}

    # What both need

    def _body(self, name: str) -> Message:
        body = {
            "operationName": name,
            "applicationId": self._application,
            "devicePath": f"/devices/{self.device}",
        }
        return body | self._reference()

    def _reference(self) -> Message:
        if self.random.random() < self.missing:
            return {}
        number = next(self._references)
        if self.shared:  # seen: numbers as well as strings
            return {"referenceId": number if self.place % 2 else str(number)}
        return {"referenceId": f"{self.device[:8]}-{number}"}

    def _metrics(self) -> Message:
        times = {"serverGenerationTimestamp": 1433915532887, "nodeProcessingTimeNanos": self.random.randrange(10**7)}
        return {"metrics": {"eventProcessing": times | {"serverProcessingTimeTotalMs": 6}}}

    def _phone(self) -> str:
        return f"+1555{self.random.randrange(10**7):07}"

    def _uuid(self) -> str:
        return str(uuid.UUID(bytes=self.random.randbytes(16), version=4))

    @property
    def _campaign(self) -> str:
        return "Café Preview" if self.shared else f"Campaign {self.place}"

    @property
    def _application(self) -> int:
        return 134 if self.shared else 134 + self.place


def in_batches(
    pairs: list[list[Message]], rng: random.Random, *, duplicate: float, reorder: float, split: float
) -> list[list[Message]]:
    """An operation's events in the order and the groups in which they leave; see `Shape` for the shares."""
    found = list(pairs)
    if len(found) > 1 and rng.random() < reorder:
        found[-2:] = reversed(found[-2:])
    if found and rng.random() < duplicate:
        place = rng.randrange(len(found))
        found.insert(place, found[place])
    batches: list[list[Message]] = [[]]
    late: list[Message] = []  # twins that come after the terminal event
    for pair in found:
        order = list(pair)
        if len(order) > 1 and rng.random() < reorder:
            order.reverse()
            if rng.random() < 0.5:
                late.append(order.pop(0))
        for message in order:
            batches[-1].append(message)
            if rng.random() < split:
                batches.append([])
    return [batch for batch in (*batches, late) if batch]
