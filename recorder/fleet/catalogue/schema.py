"""Define the tables of a catalogue, version 1. `docs/catalogue.md` is held to this module by a test.

A column may be added within a version; a reader must not mind. Whatever else changes raises the version, and then the
next build reads all cassettes again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1
PARTITIONS = "dialect", "day"  # columns that stand in the paths of the files, not in the files


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        type: Its type in SQL.
        about: One sentence for people.
        required: True if it has a value in each row.
    """

    name: str
    type: str
    about: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        about: The rows, in a few words.
        columns: Its columns; those in `PARTITIONS` are columns of a table with the attribute `partitioned`.
        partitioned: True if its files are apart by dialect and day.
    """

    name: str
    about: str
    columns: tuple[Column, ...]
    partitioned: bool = True

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that stand in the files."""
        return tuple(one for one in self.columns if not self.partitioned or one.name not in PARTITIONS)


_CASSETTE = Column("cassette", "VARCHAR", "URL or absolute path of the cassette.", required=True)
_PLACE = (
    _CASSETTE,
    Column("dialect", "VARCHAR", "Name of the dialect by which the cassette was read.", required=True),
    Column("day", "DATE", "Day of the row, in UTC.", required=True),
)
_SESSION = Column("session", "VARCHAR", "Label of the session in its cassette, such as s1.")

TRIPLES = Table(
    "triples",
    "an operation with its ack and its events",
    (
        *_PLACE,
        Column("n", "BIGINT", "Number of the triple in its cassette, from 1.", required=True),
        _SESSION,
        Column("client", "VARCHAR", "First clientId of the session; of a stream its key."),
        Column("operation", "VARCHAR", "Name of the operation.", required=True),
        Column("state", "VARCHAR", "complete, acked, failed, unacked or aborted.", required=True),
        Column("method", "VARCHAR", "Method of the request.", required=True),
        Column("path", "VARCHAR", "Path of the request, with its query.", required=True),
        Column("status", "INTEGER", "HTTP status of the ack; null without an ack."),
        Column("handle", "VARCHAR", "Value of the key `handle`."),
        Column("reference", "VARCHAR", "Value of the key `reference`."),
        Column("time", "TIMESTAMP", "Time of the request.", required=True),
        Column("ack_ms", "DOUBLE", "Milliseconds from the request to the ack; null without an ack."),
        Column("terminal_ms", "DOUBLE", "Milliseconds from the request to its last event; null without events."),
        Column("events", "INTEGER", "Number of its events.", required=True),
        Column("refused", "BOOLEAN", "True if the ack refuses the operation.", required=True),
        Column("error", "VARCHAR", "Status of a refusal, mark of an error event, or reason of a missing ack."),
        Column("ids", "VARCHAR[]", "Values of all keys of the triple and its events, sorted.", required=True),
    ),
)
EVENTS = Table(
    "events",
    "an event, also one that no operation caused",
    (
        *_PLACE,
        Column("n", "BIGINT", "Number of the triple that caused the event; null if none did."),
        Column("place", "INTEGER", "Place among the events of the triple, or among those without one, from 1.",
               required=True),
        _SESSION,
        Column("channel", "VARCHAR", "Channel of Bayeux, or topic of a stream.", required=True),
        Column("name", "VARCHAR", "Name in the dialect; without one, the channel.", required=True),
        Column("time", "TIMESTAMP", "Time of the event.", required=True),
        Column("delay_ms", "DOUBLE", "Milliseconds after the request; null without a triple."),
        Column("rule", "VARCHAR", "Rule that linked the event to the triple; null without a triple."),
        Column("confidence", "DOUBLE", "Confidence of the link, from 0 to 1; null without a triple."),
        Column("is_terminal", "BOOLEAN", "True if an event of this name ends the operation.", required=True),
        Column("error", "VARCHAR", "Mark of an error event; null of any other event."),
        Column("ids", "VARCHAR[]", "Values of its keys, sorted.", required=True),
    ),
)  # fmt: skip
SESSIONS = Table(
    "sessions",
    "a session of a client",
    (
        *_PLACE,
        Column("session", "VARCHAR", "Label of the session in its cassette, such as s1.", required=True),
        Column("client", "VARCHAR", "First clientId of the session; of a stream its key."),
        Column("transport", "VARCHAR", "long-polling, callback-polling, websocket or sse, by which it began."),
        Column("began", "TIMESTAMP", "Time of its handshake, or of its first stream.", required=True),
        Column("ended", "TIMESTAMP", "Time of the last of its acks and events.", required=True),
        Column("triples", "BIGINT", "Number of its triples.", required=True),
        Column("events", "BIGINT", "Number of its events, with those that no operation caused.", required=True),
    ),
)
FINDINGS = Table(
    "findings",
    "a finding of `recorder doctor`",
    (
        *_PLACE,
        Column("kind", "VARCHAR", "Fixed name of the finding, such as session-lost.", required=True),
        Column("severity", "VARCHAR", "damage, problem or remark.", required=True),
        Column("place", "VARCHAR", "Place in the cassette, such as record 7.", required=True),
        Column("n", "BIGINT", "Number of the triple that it is about; null if it is about none."),
        Column("session", "VARCHAR", "Session of that triple."),
        Column("text", "VARCHAR", "One sentence.", required=True),
    ),
)
CASSETTES = Table(
    "cassettes",
    "a cassette, also one that could not be read",
    (
        Column("url", "VARCHAR", "Its URL or absolute path: `cassette` in the other tables.", required=True),
        Column("size", "BIGINT", "Bytes of the file.", required=True),
        Column(
            "mark", "VARCHAR", "ETag or checksum of the file, or its size and time; empty if unknown.", required=True
        ),
        Column("rules", "VARCHAR", "Version of the rules that link events, with a digest of --dialect.", required=True),
        Column("schema", "INTEGER", "Version of the tables.", required=True),
        Column("recorder", "VARCHAR", "Version of the recorder that read it.", required=True),
        Column("dialect", "VARCHAR", "Name of its dialect; null if it could not be read."),
        Column("redaction", "VARCHAR", "Name of the policy that redacted it."),
        Column("began", "TIMESTAMP", "Begin of the capture."),
        Column("ended", "TIMESTAMP", "Time of its last record."),
        Column("triples", "BIGINT", "Number of its rows in `triples`.", required=True),
        Column("events", "BIGINT", "Number of its rows in `events`.", required=True),
        Column("sessions", "BIGINT", "Number of its rows in `sessions`.", required=True),
        Column("findings", "BIGINT", "Number of its rows in `findings`.", required=True),
        Column("days", "DATE[]", "Days of its rows, in UTC.", required=True),
        Column("problem", "VARCHAR", "Reason why it has no rows; null if it was read."),
    ),
    partitioned=False,
)
TABLES = {table.name: table for table in (TRIPLES, EVENTS, SESSIONS, FINDINGS, CASSETTES)}


def arrow(table: Table) -> pa.Schema:
    """Return the schema of the files of a table."""
    import pyarrow as pa  # noqa: PLC0415  # an extra, and slow to import

    simple = {
        "VARCHAR": pa.string(),
        "BIGINT": pa.int64(),
        "INTEGER": pa.int32(),
        "DOUBLE": pa.float64(),
        "BOOLEAN": pa.bool_(),
        "TIMESTAMP": pa.timestamp("us"),
        "DATE": pa.date32(),
    }
    fields = [
        pa.field(one.name, pa.list_(simple[name]) if is_list else simple[name], nullable=not one.required)
        for one in table.stored
        for name, is_list in [(one.type.removesuffix("[]"), one.type.endswith("[]"))]
    ]
    return pa.schema(fields)
