"""Read a cassette from its text; each mistake is told with its line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import IO, Any, TypeVar

from ..cassette.codec import ARCHIVE, SEALED, encode, encode_header
from ..cassette.packing import MAX_HEADERS
from ..correlate.engine import Correlator
from ..dialect.carried import dialect_of
from ..dialect.mistakes.words import named, near
from ..errors import EditError
from ..library.sealing import write_sealed
from ..model import Chunk, Failure, Header, Headers, Note, Part, Record, Request, Response, SocketMessage
from ..redaction.carried import carrying
from . import bodies
from .toml import Table, tables
from .writing import EPOCH

_OF_CASSETTE = ("started", "upstream", "dialect", "fitted", "redaction", "profile", "part")
_OF_TEXTS = ("dialect", "policy")
_BEGUN = ("kind", "at", "exchange")
_KEYS = {
    "request": (*_BEGUN, "connection", "method", "target", "headers", *bodies.KEYS),
    "response": (*_BEGUN, "status", "streamed", "headers", *bodies.KEYS),
    "chunk": (*_BEGUN, "last", *bodies.KEYS),
    "failure": (*_BEGUN, "reason"),
    "message": (*_BEGUN, "from", "binary", *bodies.KEYS),
    "note": ("kind", "at", "about", "text"),
}
_INTEGERS = range(-(1 << 63), 1 << 64)  # of msgpack

T = TypeVar("T")


def from_text(content: str, path: str) -> tuple[Header, list[Record]]:
    """Return the header and the records in the text of a cassette.

    Args:
        content: The text, as `to_text` writes it.
        path: Name of its file, for errors.

    Raises:
        EditError: If there are mistakes: the first one, with all of them in `problems`.
    """
    mistakes: list[EditError] = []
    header: Header | None = None
    texts: dict[str, str] = {}
    records: list[Record] = []
    for table in tables(content, path):
        found = _Fields(table, path, mistakes, f"record {len(records)}, " if table.name == "record" else "")
        if header is None and table.name != "cassette":
            found.wrong("", "the text begins with the table [cassette]")
            break
        if table.name == "record":
            records.append(_record(found, len(records)))
        elif table.name == "cassette" and header is None:
            header = _header(found, path)
        elif table.name == "texts" and not texts:
            found.only(_OF_TEXTS)
            texts = {name: found.text(name, "") for name in _OF_TEXTS}
        else:
            known = "the tables are [cassette], once, [[record]] for each record, and [texts], once"
            found.wrong("", f"{table.name!r} is not allowed here; {known}")
    if header is None and not mistakes:
        mistakes.append(EditError(path, "cassette", "the table [cassette] is missing", line=1))
    if mistakes or header is None:
        raise mistakes[0].among(tuple(mistakes))
    return _checked(header, texts, path), records


def write(file: IO[bytes], header: Header, records: Iterable[Record], path: str, folder: Any = None) -> None:
    """Write a cassette in its canonical form: sealed, with its triples derived anew.

    Args:
        file: The file to write to.
        header: The header of `from_text`.
        records: The records of `from_text`.
        path: Name of the text's file, for errors.
        folder: Folder of the temporary files; None takes the system's.

    Raises:
        CassetteError: If the dialect in the text cannot be used.
        DialectError: If the text holds no dialect, and names one that is not shipped.
    """
    whole = carrying(header)
    write_sealed(file, whole, iter(records), Correlator(dialect_of(whole), file=path), folder)


def _checked(header: Header, texts: Mapping[str, str], path: str) -> Header:
    """Return the header with its texts, after a trial to encode it."""
    whole = replace(header, dialect_text=texts.get("dialect", ""), policy_text=texts.get("policy", ""))
    try:
        encode_header(whole)
    except (ValueError, OverflowError) as exc:
        raise EditError(path, "cassette", f"{exc}; a cassette cannot hold that", line=1) from exc
    return whole


def _header(found: _Fields, path: str) -> Header:
    found.only(_OF_CASSETTE)
    profile = found.choice("profile", (SEALED, ARCHIVE), SEALED)
    return Header(
        started=found.moment("started"),
        upstream=found.text("upstream"),
        dialect=found.text("dialect"),
        redaction=found.text("redaction"),
        profile=profile,
        fitted=found.text("fitted", ""),
        part=_part(found),
        file=path,
    )


def _part(found: _Fields) -> Part | None:
    value = found.values.get("part")
    if value is None:
        return None
    numbers = [value.get(name) for name in ("number", "after", "repeated")] if isinstance(value, dict) else []
    whole = [one for one in numbers if type(one) is int and one >= 0]
    if len(whole) < 3 or whole[0] == 0:
        found.wrong("part", "is { capture = TEXT, number = N from 1, after = NANOSECONDS, repeated = N }")
        return None
    inner = _Fields(Table("part", 0, value), found.path, found.mistakes, found.where)
    inner.table.lines["capture"] = found.table.lines.get("part", found.table.line)
    return Part(inner.text("capture"), *whole)


def _record(found: _Fields, seq: int) -> Record:
    """Return a record; one with mistakes, which were noted, is never used."""
    kind = found.choice("kind", tuple(_KEYS), None)
    found.only(_KEYS.get(kind, tuple(found.values)))
    t = found.number("at")
    exchange = found.number("exchange") if kind in _KEYS and kind != "note" else 0
    record: Record
    match kind:
        case "request":
            connection, method, target = (found.text(name) for name in ("connection", "method", "target"))
            record = Request(seq, t, exchange, connection, method, target, found.headers(), found.body())
        case "response":
            streamed = found.take("streamed", bool, default=False)
            record = Response(
                seq, t, exchange, found.number("status"), found.headers(), found.body(), streamed=streamed
            )
        case "chunk":
            record = Chunk(seq, t, exchange, found.body(), found.take("last", bool, default=False))
        case "failure":
            record = Failure(seq, t, exchange, found.text("reason"))
        case "message":
            is_client = found.choice("from", ("client", "server"), None) == "client"
            is_text = not found.take("binary", bool, default=False)
            record = SocketMessage(seq, t, exchange, is_client, found.body(), is_text)
        case _:
            record = Note(seq, t, found.text("about", None), found.text("text", None)) if kind else Note(seq, t, "", "")
    found.tried(record)
    return record


@dataclass(frozen=True, slots=True)
class _Fields:
    """The values of a table, each checked when it is taken; mistakes are noted with their line.

    Attributes:
        where: Begin of what a mistake names, e.g. `record 3, `.
    """

    table: Table
    path: str
    mistakes: list[EditError]
    where: str = ""
    values: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", self.table.values)

    def wrong(self, key: str, problem: str) -> None:
        """Note a mistake."""
        line = self.table.lines.get(key, self.table.line)
        self.mistakes.append(EditError(self.path, f"{self.where}{key or self.table.name}", problem, line=line))

    def only(self, known: tuple[str, ...]) -> None:
        """Note keys that have no meaning."""
        for key in self.values.keys() - set(known):
            like = near(key, known)
            self.wrong(
                key, f"did you mean {like}?" if like else f"is not a key of this table, which are {named(known)}"
            )

    def take(self, key: str, kind: type[T], default: T | None) -> T:
        """Return a value of one type; note a mistake if it is of another, or missing and without a default."""
        value = self.values.get(key, default)
        if type(value) is kind:
            return value
        words = {str: 'a text: write it between "…"', int: "a whole number", bool: "true or false"}
        self.wrong(key, f"is missing; it is {words[kind]}" if value is None else f"is {words[kind]}")
        return kind()

    def number(self, key: str) -> int:
        """Return a whole number that a cassette can hold."""
        found = self.take(key, int, None)
        if found not in _INTEGERS:
            self.wrong(key, "is larger than a number in a cassette can be")
        return found

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text, also one that is written as Base64."""
        value = self.values.get(key, default)
        found = self._decoded(value)
        return found if found is not None else self.take(key, str, default)

    def _decoded(self, value: Any) -> str | None:
        """Return the text of `{ base64 = "…" }`; None for another value."""
        if not isinstance(value, dict) or value.keys() != {"base64"} or not isinstance(value["base64"], str):
            return None
        try:
            return bodies.decoded(value["base64"], "base64").decode("utf-8", "surrogatepass")
        except ValueError:
            return None

    def choice(self, key: str, known: tuple[str, ...], default: str | None) -> str:
        """Return one of several words; "" after a mistake."""
        found = self.values.get(key, default)
        if found in known and isinstance(found, str):
            return found
        like = near(found, known) if isinstance(found, str) else None
        meant = f"did you mean {like!r}?" if like else f"it is one of {named(known)}"
        self.wrong(key, f"is missing; {meant}" if found is None else f"{found!r} is none; {meant}")
        return ""

    def moment(self, key: str) -> int:
        """Return a time in microseconds since 1970, written as a date with its time zone, or as that number."""
        value = self.values.get(key)
        if isinstance(value, datetime) and value.tzinfo is not None:
            past = value - EPOCH
            return (past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds
        if type(value) is int and value in _INTEGERS:
            return value
        self.wrong(key, "is a date with time and time zone, e.g. 2026-11-27T08:00:00.000000Z")
        return 0

    def headers(self) -> Headers:
        """Return the headers: a list of lists of two texts."""
        value = self.values.get("headers", [])
        pairs = value if isinstance(value, list) else [None]
        found = [
            (self._of_header(pair[0]), self._of_header(pair[1]))
            for pair in pairs
            if isinstance(pair, list) and len(pair) == 2
        ]
        whole = [(name, value) for name, value in found if name is not None and value is not None]
        if len(whole) != len(pairs):
            self.wrong("headers", 'is a list of pairs, e.g. [["content-type", "application/json"]]')
        elif len(whole) > MAX_HEADERS:
            self.wrong("headers", f"has {len(whole)} headers; a record holds {MAX_HEADERS} at most")
        return tuple(whole)

    def _of_header(self, value: Any) -> str | None:
        return value if isinstance(value, str) else self._decoded(value)

    def body(self) -> bytes:
        """Return the body; note a mistake in it."""
        try:
            return bodies.parse(self.values)
        except ValueError as exc:
            key, problem = exc.args
            self.wrong(key, problem)
            return b""

    def tried(self, record: Record) -> None:
        """Note a record that a cassette cannot hold, e.g. because it is too large."""
        if any(one.line is not None and one.line >= self.table.line for one in self.mistakes):
            return
        try:
            encode(record)
        except (ValueError, OverflowError) as exc:
            self.wrong("", f"a cassette cannot hold it: {exc}")
