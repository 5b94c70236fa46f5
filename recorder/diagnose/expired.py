"""Find the dates in a cassette that were to come when they were recorded, and are over by now."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache

from ..bayeux.messages import Message, carried
from ..dialect.paths import parse_json
from ..formats.dates import seconds_of
from ..formats.web_tokens import claims, is_web_token
from ..model import JSON, Chunk, Event, Record, Response

_SECOND = 1_000_000_000
_MOST_TOLD = 10  # paths
# Names of ends: OAuth, OpenID Connect, Java, .NET, AWS, Genesys; not `expires_in`, which counts from now.
_ENDS = re.compile(
    r"(?:.*[_-])?(?:exp|expires?|expiry|expired|expiration)(?:[_-]?(?:at|on|by|date|time|timestamp|utc|ms))*"
    r"|.*(?:Expires|Expiry|Expiration)(?:At|On|By|Date|Time|Timestamp|Utc|Ms)*"
    r"|.*(?:valid|active)[_-]?(?:until|till|to|thru|through)|not[_-]?(?:after|onorafter)|.*deadline",
    re.IGNORECASE,
)
# One of these is in each name of an end, and in each token, except in a text with escapes, or in UTF-16 or UTF-32.
_PARTS = (b"exp", b"eyj", b"valid", b"active", b"until", b"after", b"deadline", b"\\u", b"\0")
_TOKEN = "eyJ"  # noqa: S105  # a web token begins so
_NAMES = 2_000  # names that are kept with whether they are one of an end
_MUST_SHIFT = "a client that checks these dates may log out or act at once; a dialect moves them into the present"


class Expired:
    """The dates of one cassette, looked at one record at a time."""

    def __init__(
        self,
        started: float,
        now: float,
        known: tuple[str, ...] = (),
        read: Callable[[Record], list[Message] | None] = carried,
    ) -> None:
        """Begin without dates.

        Args:
            started: UTC seconds at which the capture began.
            now: UTC seconds.
            known: Paths that the dialect moves.
            read: Returns the Bayeux messages in a record, None if there are none.

        """
        self._started, self._now, self._read = started, now, read
        self._known = {tuple(path.split(".")) for path in known}
        self._found: Counter[str] = Counter()
        self._last: tuple[Record | None, bool] = None, False  # a record, and if it may hold dates

    def response(self, response: Response) -> None:
        """Look at the body of an answer; the events in one are looked at by themselves."""
        if self._may_hold_dates(response) and self._read(response) is None:
            self._look(("body",), parse_json(response.body, response.headers), self._started + response.t / _SECOND)

    def event(self, event: Event, record: Record) -> None:
        """Look at the data of an event that ended with a record."""
        if self._may_hold_dates(record):
            self._look(("data",), event.data, self._started + event.t / _SECOND)

    def told(self) -> Iterator[str]:
        """Yield a text about all dates that are over; none where there are none."""
        if self._found:
            paths = sorted(self._found, key=lambda path: (-self._found[path], path))
            shown = ", ".join(f"{path} ({self._found[path]})" for path in paths[:_MOST_TOLD])
            more = f" and {len(paths) - _MOST_TOLD} more" if len(paths) > _MOST_TOLD else ""
            listed = ", ".join(f'"{path}"' for path in paths[:_MOST_TOLD])
            yield f"over by now: {shown}{more}; {_MUST_SHIFT}: [replay] shift = [{listed}]"

    def _may_hold_dates(self, record: Record) -> bool:
        """Return whether the body of a record may hold dates; of the last record it is known."""
        if record is not self._last[0]:
            # the first part of an event in a stream may stand in the chunk before
            self._last = record, isinstance(record, Chunk) or _has_a_part(getattr(record, "body", b""))
        return self._last[1]

    def _look(self, path: tuple[str, ...], value: JSON, at: float) -> None:
        """Look at all dates in a value; a path is made only for what holds others, or for a date that is over."""
        if isinstance(value, dict):
            for name, item in value.items():
                if isinstance(item, dict | list):
                    self._look((*path, name), item, at)
                elif _is_end(name) or (isinstance(item, str) and item[:3] == _TOKEN):
                    self._date((*path, name), item, at)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict | list):
                    self._look((*path, "*"), item, at)
                elif isinstance(item, str) and item[:3] == _TOKEN:
                    self._date((*path, "*"), item, at)
        else:
            self._date(path, value, at)

    def _date(self, path: tuple[str, ...], value: JSON, at: float) -> None:
        end = self._end(path[-1], value)
        if end is not None and at < end < self._now and not self._is_known(path):
            self._found[".".join(path)] += 1

    @staticmethod
    def _end(name: str, value: JSON) -> float | None:
        if is_web_token(value):
            return seconds_of((claims(value) or {}).get("exp"))
        return seconds_of(value) if _is_end(name) else None

    def _is_known(self, path: tuple[str, ...]) -> bool:
        def fits(known: tuple[str, ...]) -> bool:
            return len(known) == len(path) and all(
                "*" in (one, other) or one == other for one, other in zip(known, path, strict=True)
            )

        return any(map(fits, self._known))


@lru_cache(_NAMES)
def _is_end(name: str) -> bool:
    return _ENDS.fullmatch(name) is not None


def _has_a_part(body: bytes) -> bool:
    small = body.lower()
    for part in _PARTS:  # noqa: SIM110  # a generator takes longer than the searches
        if part in small:
            return True
    return False
