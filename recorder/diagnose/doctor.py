"""Examine a cassette: check the container, and find records that contradict each other or hold secrets."""

from __future__ import annotations

import marshal
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeAlias

from ..bayeux import channels
from ..bayeux.messages import Message, encode
from ..cassette.codec import JOURNAL
from ..cassette.reader import open_cassette
from ..cassette.tables import Rows
from ..dialect.carried import dialect_of, under
from ..dialect.definition import Dialect
from ..errors import CassetteError, DialectError, PolicyError
from ..files import Remote
from ..model import CUT, GUESSED, LEFT_OUT, Chunk, Event, Failure, Header, Headers, Note, Record, Request, Response
from ..output import leftovers
from ..printable import counted
from ..push.decoders import Decoders
from ..push.port import BAYEUX, Opened, Subscribed
from ..redaction.bodies.change import Unread, told
from ..redaction.bodies.reading import may_be_unread
from ..redaction.joins import of_cassette
from ..redaction.leaves import unlooked
from ..redaction.policy import NO_POLICY, load
from ..redaction.scan import Scan
from .check import Checked, Finding, Level
from .comparison import Comparison, tables_compared
from .expired import Expired
from .incidents import Disturbances

_DIGEST = 16  # bytes
_SKEW = 5.0  # seconds by which the server's clock may drift from ours within one capture
# Candidates for secrets: a JSON web token, credentials in a URL, a private key in PEM form.
# The token must begin at the beginning of a word: otherwise the search in a long word would take quadratic time.
_SECRET = re.compile(
    rb"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.|://[^/\s:@\"]+:[^/\s@\"]+@|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_SHOWN = 5  # notes of one kind
_CREDENTIALS = ("authorization", "proxy-authorization")
_CERTAIN = {"JWT", "user and password in a URL", "private key", "basic credentials"}  # `recorder scan` looks for more
_PSEUDONYM = re.compile(r"(?:[\w-]+ )?[0-9a-f-]*")  # matches pseudonyms in cassettes made before policies existed


Part: TypeAlias = tuple[list[Finding], bool]  # findings, and if the next part tells more
Spread: TypeAlias = Callable[[Callable[..., Callable[[str], Part]], tuple[Any, ...], Iterable[str]], Iterable[Part]]
Shown: TypeAlias = Callable[[], AbstractContextManager[Callable[[Record], None] | None]]


def _in_turn(make: Callable[..., Callable[[str], Part]], args: tuple[Any, ...], parts: Iterable[str]) -> Iterator[Part]:
    return map(make(*args), parts)


def examine(
    path: Path,
    now: float | None = None,
    dialect: Dialect | None = None,
    shown: Shown = nullcontext,
    spread: Spread = _in_turn,
    *,
    beside: bool = True,
) -> list[Finding]:
    """Return all findings about a cassette file: damage first, then problems, then remarks.

    Args:
        path: The file.
        now: UTC seconds, to find dates that are over by now; None looks for none.
        dialect: The dialect to read the cassette by; None takes that of the cassette.
        shown: Begins a display; yields what to call with each record, None for nothing.
        spread: Calls what a function returns for some arguments with each part, in order or in several processes;
            yields the results in order.
        beside: Also find files beside the cassette that a killed command left.

    Raises:
        CassetteError: If the file cannot be opened, is empty, or is too damaged to be searched.
    """
    header, findings = _header(path), list[Finding]()
    # The first two read the file each: so two processes have the same to do, and one a tenth more.
    parts = ["facts", "triples", "tables"] if header is not None and header.profile != JOURNAL else ["facts"]
    for found, goes_on in spread(_examined, (path, now, dialect, shown), parts):
        findings += found
        if not goes_on:
            break
    if beside:
        findings += _leftovers(path)
    order = list(Level)
    return sorted(findings, key=lambda finding: order.index(finding.level))


def _examined(path: Path, now: float | None, dialect: Dialect | None, shown: Shown) -> Callable[[str], Part]:
    """Return the function that examines a part of a cassette."""

    def examined(part: str) -> Part:
        match part:
            case "facts":
                with shown() as watch:
                    return _facts(path, now, dialect, watch)
            case "triples":
                return _triples(path, dialect)
            case _:
                return tables_compared(path, dialect), False

    return examined


def _facts(path: Path, now: float | None, dialect: Dialect | None, watch: Callable[[Record], None] | None) -> Part:
    """Examine the bytes of a file and its records; nothing more is told of a damaged one."""
    checked = Checked(path)
    examiner = _Examiner(checked, _ruled(path, dialect), now)
    for record in checked.records():
        examiner.feed(record)
        if watch is not None:
            watch(record)
    examiner.end()
    return checked.findings, not any(finding.level is Level.DAMAGE for finding in checked.findings)


def _triples(path: Path, dialect: Dialect | None) -> Part:
    """Compare what a file stores with what follows from its records; the tables follow from triples that are right."""
    with closing(Comparison(path, _ruled(path, dialect), dialect)) as comparison:
        for record in Checked(path, comparison.placed).records():
            comparison.feed(record)
        found = comparison.findings()
        return found, comparison.is_fresh and not any(finding.level is Level.PROBLEM for finding in found)


def _ruled(path: Path, dialect: Dialect | None) -> Header | None:
    header = _header(path)
    return header if header is None or dialect is None else under(header, dialect)


class _Examiner:
    """Examines the records of one cassette, one at a time, and adds findings to `checked`."""

    def __init__(self, checked: Checked, header: Header | None, now: float | None) -> None:
        self._checked = checked
        self._header = header
        self._is_redacted = header is None or header.redaction != NO_POLICY
        self._decoder = Decoders()
        self._open: set[int] = set()
        self._last: Record | None = None
        self._subscribed: dict[str, set[str]] = defaultdict(set)
        self._unsubscribed: Counter[str] = Counter()
        self._pushed = Rows(_DIGEST, is_sorted=True)  # hashes of events; equal ones are kept once
        self._disturbances = Disturbances(self._decoder.messages)
        self._skews: tuple[float, float] | None = (
            None  # seconds: the least and the most that the server's clock was off
        )
        self._scan = _scan(header)
        # credential headers already scanned: a scan is slow, and clients repeat their credentials in each request
        self._headers: set[tuple[str, str]] = set()
        self._unlooked: Counter[tuple[str, Unread]] = Counter()
        self._cut: list[str] = []  # notes of bodies that are not kept whole
        self._expired = _expired(header, now, self._decoder.messages)

    def feed(self, record: Record) -> None:
        """Examine the next record."""
        if self._last is not None and record.t < self._last.t:
            self._problem(
                "time", record, f"its time is {self._last.t - record.t} ns before that of the record before it"
            )
        self._last = record
        self._exchange(record)
        self._secrets(record)
        if self._is_redacted and may_be_unread(getattr(record, "body", b"")):
            self._unlooked.update(unlooked(record))
        if isinstance(record, Note) and record.kind == CUT:
            self._cut.append(record.text)
        if isinstance(record, Note) and record.kind in (LEFT_OUT, GUESSED):
            self._remark(record.kind, record.text)
        for observation in self._decoder.feed(record):
            match observation:
                case Opened(client_id=client, protocol=protocol) if protocol == BAYEUX:
                    self._subscribed[client] = set()
                case Subscribed(client_id=client, subscription=pattern):
                    self._subscribed[client].add(pattern)
                case Event():
                    self._event(observation, record)
                case _:
                    pass
        self._disturbances.feed(record)  # behind the decoder, which keeps the messages that it read

    def end(self) -> None:
        """Add the findings that need all records, such as duplicates and clock drift."""
        for channel, count in sorted(self._unsubscribed.items()):
            self._remark(
                "unsubscribed", f"{counted(count, 'event')} on {channel}, to which their session had not subscribed"
            )
        twice = self._pushed.count - sum(len(page) // _DIGEST for _, page in self._pushed.pages())
        self._pushed.close()
        if twice:
            self._remark(
                "duplicate",
                f"{counted(twice, 'event was', 'events were')} received again with equal channel and content",
            )
        for kind, where, text in self._disturbances.found():
            self._checked.add(Level.REMARK, kind, where, text)
        if self._cut:
            count = len(self._cut)
            bodies = counted(count, "body is", "bodies are")
            self._remark("cut", f"{bodies} not kept whole: " + "; ".join(self._cut[:_SHOWN]) + "; …" * (count > _SHOWN))
        for text in self._expired.told() if self._expired is not None else ():
            self._remark("expired", text)
        for text in told(self._unlooked):
            self._remark("unread", text)
        least, most = self._skews or (0.0, 0.0)
        if (drift := most - least) > _SKEW:
            self._remark("clock-skew", f"the server's clock moved {drift:.0f} s against ours")

    def _exchange(self, record: Record) -> None:
        match record:
            case Request():
                self._open.add(record.exchange)
            case Response() | Chunk() | Failure():
                if record.exchange not in self._open:
                    # after a recovery the request may be a lost record, which explains a response without a request
                    level = Level.REMARK if self._checked.lost else Level.PROBLEM
                    self._checked.add(
                        level, "orphan-ack", f"record {record.seq}", "its request is missing, or has its answer already"
                    )
                    return
                if _is_end(record):
                    self._open.remove(record.exchange)
                if isinstance(record, Response):
                    self._date(record)
                    if self._expired is not None:
                        self._expired.response(record)
            case Chunk(is_last=True):
                self._open.discard(record.exchange)
            case _:
                pass

    def _date(self, response: Response) -> None:
        server = _date_in(response.headers)
        if server is None or self._header is None:
            return
        skew = server - (self._header.started / 1e6 + response.t / 1e9)
        least, most = self._skews or (skew, skew)
        self._skews = min(least, skew), max(most, skew)

    def _event(self, event: Event, record: Record) -> None:
        if self._expired is not None:
            self._expired.event(event, record)
        known = self._subscribed.get(event.client_id)
        if known is not None and not any(channels.matches(pattern, event.channel) for pattern in known):
            self._unsubscribed[event.channel] += 1
        if event.raw is not None:
            return  # streams repeat their heartbeats
        self._pushed.add(blake2b(_content(event), digest_size=_DIGEST).digest())

    def _secrets(self, record: Record) -> None:
        if not self._is_redacted:
            return
        if self._scan is not None:
            self._scanned(self._scan, record)
            return
        for name, value in getattr(record, "headers", ()):
            if name.lower() in _CREDENTIALS and not _PSEUDONYM.fullmatch(value):
                self._problem("secret", record, f"the header {name} looks like a real credential")
        if _holds_secret(getattr(record, "body", b"")):
            self._problem("secret", record, "the body holds what looks like a secret")

    def _scanned(self, scan: Scan, record: Record) -> None:
        """Report secrets that the scan finds in a record.

        A pseudonym may look like a secret; only the scan can distinguish them. The scan is slow, so it runs only on
        records with new credential headers or a match of `_SECRET`.
        """
        headers = _credentials(getattr(record, "headers", ())) - self._headers
        if headers:
            self._headers |= headers
        if headers or _holds_secret(getattr(record, "body", b"")):
            for found in scan.record(record):
                if found.kind in _CERTAIN:
                    self._problem("secret", record, f"{found.where} holds what looks like a secret: {found.kind}")

    def _problem(self, kind: str, record: Record, text: str) -> None:
        self._checked.add(Level.PROBLEM, kind, f"record {record.seq}", text)

    def _remark(self, kind: str, text: str) -> None:
        self._checked.add(Level.REMARK, kind, "all", text)


def _content(event: Event) -> bytes:
    """Return bytes that are equal for events with equal content."""
    try:
        # a tenth of the time that JSON takes; version 0 does not depend on which objects are shared
        return marshal.dumps((event.client_id, event.channel, event.data), 0)
    except ValueError:  # nested too deeply
        return encode([{"clientId": event.client_id, "channel": event.channel, "data": event.data}])


def _holds_secret(body: bytes) -> bool:
    # each alternative has one of these texts; the pattern alone takes 20 times as long
    return (b"eyJ" in body or b"://" in body or b"-----BEGIN " in body) and _SECRET.search(body) is not None


@lru_cache(256)  # clients repeat their headers
def _credentials(headers: Headers) -> frozenset[tuple[str, str]]:
    return frozenset(pair for pair in headers if pair[0].lower() in _CREDENTIALS)


@lru_cache(1024)  # many answers have the date of one second
def _date_in(headers: Headers) -> float | None:
    """Return the date in the headers of an answer as UTC seconds; None if there is none."""
    date = next((value for name, value in headers if name.lower() == "date"), None)
    if date is None:
        return None
    try:
        return parsedate_to_datetime(date).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _is_end(record: Response | Chunk | Failure) -> bool:
    """Return whether an exchange ends with a record: the response to an upgrade and the head of a stream are no end."""
    match record:
        case Response():
            return record.status != 101 and not record.streamed
        case Chunk():
            return record.is_last
        case _:
            return True


def _expired(
    header: Header | None, now: float | None, read: Callable[[Record], list[Message] | None]
) -> Expired | None:
    """Return what looks for dates that are over; None if nothing tells when the cassette was recorded."""
    if header is None or now is None:
        return None
    try:
        known = dialect_of(header).shift
    except (CassetteError, DialectError):
        known = ()
    return Expired(header.started / 1_000_000, now, known, read)


def _scan(header: Header | None) -> Scan | None:
    """Return a scan that distinguishes secrets from pseudonyms; None if no body of the cassette was redacted."""
    try:
        policy = of_cassette(header) if header is not None else load()
    except PolicyError:  # a policy file, or lost with the header; pseudonyms have one form under all policies
        policy = load()
    return Scan(policy, policy) if policy is not None else None


def _header(path: Path) -> Header | None:
    try:
        with open_cassette(path) as cassette:
            return cassette.header
    except CassetteError:
        return None  # no finding here: the walk through the file reports the damage


def _leftovers(path: Path) -> Iterator[Finding]:
    """Yield findings about files beside the cassette that a killed command left half written."""
    if isinstance(path, Remote):
        return
    for folder in sorted({path.absolute().parent, path.resolve().parent}):
        for found in leftovers(folder):
            text = "a command was killed while it wrote this file: delete it; the file to be replaced is unchanged"
            yield Finding(Level.REMARK, "leftover", str(found), text)
