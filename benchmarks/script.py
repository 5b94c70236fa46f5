"""The session of the causality bench: four operations, what each must bring, and whose ids are in it.

An event is known by what it is about (channel, notification, handle or campaign) and never by its referenceId, so a
wrong id cannot hide that an event came too early.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

OUTBOUND = "/v2/me/outbound"
INTERNAL = "/me/internal"
CHANNELS = (OUTBOUND, INTERNAL)
CHAIN = 2  # records in the chain, beside its end

IdsName: TypeAlias = Literal["same", "fresh", "rotated"]

_CAMPAIGN = "Preview Campaign"
_HANDLE = "1001"  # the first preview record a new lab hands out
_DEVICE = "/devices/c259da54-7c22-4a43-9440-77a92facc86b"
_REFERENCES = ("4711", "4712", "4713", "4714")


class Key(NamedTuple):
    """What an event is about; `subject` is the record's handle, or the campaign's name where there is no record."""

    channel: str
    notification: str
    subject: str


@dataclass(frozen=True, slots=True)
class Step:
    """One operation. `body` lacks the ids; `expected` says how often each event comes, the terminal one included."""

    path: str
    body: Mapping[str, Any]
    expected: Counter[Key]


@dataclass(frozen=True, slots=True)
class Ids:
    """What one client mints: its device, and a referenceId (with its JSON type) for each step."""

    device: str
    references: tuple[str | int, ...]


def _step(name: str, path: str, events: Mapping[Key, int], **own: str) -> Step:
    body = {"operationName": name, "applicationId": 134, "campaignName": _CAMPAIGN, **own}
    return Step(f"/api/v2/me/{path}", body, Counter(events))


def _with_twin(notification: str, count: int = 1) -> dict[Key, int]:
    return {Key(channel, notification, _HANDLE): count for channel in CHANNELS}


STEPS = (
    _step(
        "StartPreviewSession",
        "outbound-campaigns/Preview%20Campaign",
        {Key(OUTBOUND, "PreviewSessionStarted", _CAMPAIGN): 1},
    ),
    _step("GetPreviewRecord", "outbound-campaigns/Preview%20Campaign", _with_twin("PreviewRecord")),
    _step(
        "GetChainedRecord",
        f"outbound-records/{_HANDLE}",
        _with_twin("ChainedRecord", CHAIN) | _with_twin("ChainedRecordsDataEnd"),
    ),
    _step(
        "CompleteRecord",
        f"outbound-records/{_HANDLE}",
        _with_twin("RecordProcessedAcknowledge"),
        callingList="CallingList1",
        callResult="Answer",
    ),
)
EVENTS = sum(step.expected.total() for step in STEPS)
_STEP_OF = {key: number for number, step in enumerate(STEPS) for key in step.expected}


def ids(name: IdsName, client: int) -> Ids:
    """The ids of one client.

    Args:
        name: `same` are the recorded ones; `fresh` differ for each client and step, one is a number; `rotated` are the
            recorded ones, each a step late: wrong for whoever finds a step by its id.
        client: Its number, from 0.

    """
    match name:
        case "same":
            return Ids(_DEVICE, _REFERENCES)
        case "rotated":
            return Ids(_DEVICE, (_REFERENCES[-1], *_REFERENCES[:-1]))
        case "fresh":
            references = (f"desk{client}-a", 9000 + client, f"desk{client}-c", f"{client}")
            return Ids(f"/devices/{client:08d}-7c22-4a43-9440-000000000000", references)


def request_body(number: int, own: Ids) -> dict[str, Any]:
    """The body of a step as one client sends it."""
    return {**STEPS[number].body, "devicePath": own.device, "referenceId": own.references[number]}


def key_of(channel: str, data: Mapping[str, Any]) -> Key:
    """What an event is about; of one that is not of this session the parts are empty."""
    user = data.get("userData", {})
    handle = data.get("record", {}).get("recordHandle", user.get("GSW_RECORD_HANDLE"))
    notification = data.get("notificationType", user.get("GSW_USER_EVENT", ""))
    subject = data.get("campaign", {}).get("name", "") if handle is None else handle
    return Key(channel, str(notification), str(subject))


def step_of(key: Key) -> int | None:
    """Which step causes an event, None if none does."""
    return _STEP_OF.get(key)


def ids_in(channel: str, data: Mapping[str, Any]) -> tuple[Any, Any]:
    """The referenceId (None if there is none) and the device an event carries; a device event names the bare id."""
    if channel == INTERNAL:
        return data.get("referenceId"), f"/devices/{data.get('deviceId')}"
    about = data.get("record", data.get("campaign", {}))
    return data.get("referenceId"), about.get("devicePath")
