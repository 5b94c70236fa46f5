"""The clients, the recordings that they work with, and for each bug its cause."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recorder.replay.engine.orders.deviations import Disturbance, Kind

ROOT = Path(__file__).parents[2]
CASSETTES = ROOT / "tests" / "cassettes" / "races"
DELAY = 0.3  # seconds; the clients have patience for 2
_HERE = Path(__file__).parent
_SESSION = ROOT / "cassettes" / "preview-session.cassette"


@dataclass(frozen=True, slots=True)
class Client:
    """A client.

    Attributes:
        module: The file it is in: Python or JavaScript.
        work: Its function in there, which takes a URL.
        cassette: The recording that it works with.
    """

    module: Path
    work: str
    cassette: Path


@dataclass(frozen=True, slots=True)
class Bug:
    """A client with a race, beside its right version.

    Attributes:
        module: File name of both in `clients` (Python) or `js`.
        recording: Name of the recording.
        kinds: What its shrunk schedule may be made of.
        names: What the words about the schedule have to name: events, operations, or what happens to them.
        disturb: Trouble that the search is to make.
        delay: Seconds by which the search may delay an ack or event.
    """

    module: str
    recording: str
    kinds: frozenset[Kind]
    names: tuple[str, ...] = ()
    disturb: frozenset[Disturbance] = frozenset()
    delay: float = DELAY

    def client(self, which: Literal["right", "wrong"]) -> Client:
        """One of the two."""
        folder = "js" if self.module.endswith(".js") else "clients"
        return Client(_HERE / folder / self.module, which, CASSETTES / f"{self.recording}.cassette")


_ORDER = frozenset({Kind.BEFORE})
_APART = frozenset({Kind.APART, Kind.LATE})
BUGS = (
    Bug("ack_first.py", "chain", _ORDER, ("PreviewRecord", "before the ack of GetPreviewRecord")),
    Bug("first_of_kind.py", "pair", _ORDER, ("RecordProcessedAcknowledge",)),
    Bug("next_on_ack.py", "early", _ORDER, ("PreviewRecord", "GetPreviewRecord")),
    Bug(
        "no_resubscription.py",
        "chain",
        frozenset({Kind.LOST_SESSION}),
        ("session",),
        frozenset({Disturbance.HANDSHAKE}),
    ),
    Bug(
        "first_of_handshake.py",
        "clock",
        frozenset({Kind.LOST_SESSION, Kind.IN_REPLY}),
        ("/service/clock", "handshake"),
        frozenset({Disturbance.HANDSHAKE}),
    ),
    Bug("skips_others.py", "pair", _ORDER, ("RecordProcessedAcknowledge",)),
    Bug("lost_batch.py", "acked", frozenset({Kind.LOST_POLL}), ("poll",), frozenset({Disturbance.POLL})),
    Bug("events_of_replies.js", "note", frozenset({Kind.IN_REPLY}), ("PreviewRecord", "not in a poll's")),
    Bug(
        "counts_twice.js",
        "acked",
        frozenset({Kind.TWICE}),
        ("ChainedRecord", "twice"),
        frozenset({Disturbance.DUPLICATE}),
    ),
    Bug("too_early.js", "chain", frozenset({Kind.LATE}), ("later",), delay=1.5),
    Bug("overtaken.js", "chain", _APART, ("ChainedRecordsDataEnd",)),
    Bug("first_of_batch.js", "split", frozenset({Kind.TOGETHER}), ("ChainedRecord", "one answer")),
    Bug("unasked.js", "socket", _ORDER, ("/v2/me/devices",)),
    Bug("whole_batch.js", "chain", _APART, ("ChainedRecord",)),
    Bug("stale_list.py", "listed", _ORDER, ("changed", "before the answer to GET /orders", "tells of the time before")),
    Bug("deaf_until_list.py", "listed", _ORDER, ("changed", "before the answer to GET /orders")),
    Bug("stale_list.js", "listed", _ORDER, ("changed", "before the answer to GET /orders", "tells of the time before")),
    Bug("empty_until_list.js", "listed", _ORDER, ("changed", "before the answer to GET /orders")),
    Bug("older_search.py", "searched", _ORDER, ("GET /orders?item=la", "comes last")),
    Bug("older_search.js", "searched", _ORDER, ("GET /orders?item=la", "comes last")),
)
CLIENTS = {
    "aiocometd-noloop": Client(_HERE / "clients" / "session.py", "right", _SESSION),
    "cometd.js": Client(_HERE / "js" / "sessions.js", "cometd", _SESSION),
    "faye": Client(_HERE / "js" / "sessions.js", "faye", _SESSION),
    "examples/desktop": Client(ROOT / "examples" / "desktop" / "desktop.py", "work", _SESSION),
    "examples/desktop-js": Client(ROOT / "examples" / "desktop-js" / "desktop.mjs", "work", _SESSION),
}
