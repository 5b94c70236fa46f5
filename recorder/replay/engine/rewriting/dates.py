"""Move the dates that a client acts on by the age of the recording, so that what was valid for an hour then is so now.

These are the lifetimes of cookies and answers, and the dates that a dialect names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ....dialect.changing import changed
from ....dialect.definition import Dialect
from ....dialect.paths import parse_json
from ....formats.dates import cookie_date, http_date, moved, seconds_of
from ....formats.web_tokens import DATES, claims, is_web_token, with_claims
from ....links import cookies
from ....model import JSON, Headers, Recording, Response
from ....requests.index.whole import leaves

_LIFETIMES = frozenset({"expires", "retry-after"})  # RFC 9111, section 5.3; RFC 9110, section 10.2.3
_SECOND = 1_000_000_000
_ROOTS = ("body", "data", "header")
_Skips = Callable[[str], bool]


class Today(NamedTuple):
    """The day on which a recording is played.

    Attributes:
        wall: UTC seconds at which the caller's clock shows 0.
        key: Secret that signs web tokens by HMAC; None if it is not known.

    """

    wall: float
    key: bytes | None = None


class Dates:
    """The dates of one recording.

    Attributes:
        ahead: Seconds by which the wall's clock is ahead of the caller's, if that is virtual.
        has_paths: The dialect names dates to move.

    """

    def __init__(self, recording: Recording, dialect: Dialect, today: Today | None = None) -> None:
        """Take the recording; without `today` all dates stay as recorded."""
        self._started = recording.header.started / 1_000_000
        self._wall = None if today is None else today.wall
        self._key = None if today is None else today.key
        self.ahead = 0.0
        paths = [tuple(path.split(".")) for path in dialect.shift]
        self._paths = {root: [path[1:] for path in paths if path[0] == root] for root in _ROOTS}
        self.has_paths = bool(paths)

    def recorded(self, t: int) -> float:
        """Return the UTC seconds of a record, by its nanoseconds since the capture began."""
        return self._started + t / _SECOND

    def age(self, recorded: float, now: float) -> float:
        """Return the seconds between a time of the recording and now."""
        return 0.0 if self._wall is None else self._wall + now + self.ahead - recorded

    def of_session(self, now: float) -> int:
        """Return the age of the recording for a client that comes now; all dates of its session move by as much."""
        return round(self.age(self._started, now))

    # -- what is prepared once

    def are_in(self, response: Response) -> bool:
        """Return whether an answer holds a date to move."""
        if self._wall is None:
            return False
        at = self.recorded(response.t)
        return any(_lasts(name.lower(), value, at) for name, value in response.headers) or self._shifts(response)

    def _shifts(self, response: Response) -> bool:
        if not self.has_paths:
            return False
        value = parse_json(response.body, response.headers) if self._paths["body"] else None
        return self.body(value, 1) is not value or self.headers(response.headers, 1) is not response.headers

    def is_in_event(self, data: JSON) -> bool:
        """Return whether an event holds a date to move."""
        return self._wall is not None and bool(self._paths["data"]) and self.data(data, 1) is not data

    # -- what is moved for a client

    def body(self, value: JSON, seconds: int, skips: _Skips = lambda _: False) -> JSON:
        """Return the JSON body of an answer with its dates moved, but texts that `skips` names as they are."""
        return self._moved("body", value, seconds, skips)

    def data(self, value: JSON, seconds: int, skips: _Skips = lambda _: False) -> JSON:
        """Return the data of an event with its dates moved, but texts that `skips` names as they are."""
        return self._moved("data", value, seconds, skips)

    def headers(self, headers: Headers, seconds: int) -> Headers:
        """Return the headers of an answer with the dates moved that the dialect names; the same object without any."""
        names = {path[0].lower() for path in self._paths["header"]}
        if not names:
            return headers
        new = tuple((name, moved(text, seconds) if name.lower() in names else text) for name, text in headers)
        return headers if new == headers else new

    def token(self, token: str, seconds: int, **more: JSON) -> str | None:
        """Return a web token with its dates moved and further claims, signed anew; None where the key is not known."""
        now = claims(token)
        if now is None:
            return None
        dates = {name: moved(now[name], seconds) for name in DATES if name in now}
        return with_claims(token, {**dates, **more}, self._key)

    def tokens_in(self, response: Response) -> frozenset[str]:
        """Return the web tokens in an answer whose dates are to be moved."""
        value = parse_json(response.body, response.headers) if self._paths["body"] else None
        met = (leaf for path in self._paths["body"] for leaf in leaves(value, path))
        return frozenset(leaf for leaf in met if is_web_token(leaf))

    def _moved(self, root: str, value: JSON, seconds: int, skips: _Skips) -> JSON:
        def change(leaf: JSON) -> JSON:
            if isinstance(leaf, str) and skips(leaf):
                return leaf
            new = (self.token(leaf, seconds) or leaf) if is_web_token(leaf) else moved(leaf, seconds)
            return leaf if new == leaf else new

        for path in self._paths[root]:
            value = changed(value, path, change)
        return value

    # -- what cannot be moved

    def left(self, tokens: Mapping[str, Sequence[int]]) -> Iterator[str]:
        """Yield warnings for the start of a replay: web tokens that are to be moved, but whose key is lacking.

        Args:
            tokens: By path, how many answers and events hold web tokens without a key, and with any (`Whole.tokens`).
        """
        counts = {path: unsigned if self._key is None else never for path, (unsigned, never) in tokens.items()}
        for path, count in sorted(counts.items()):
            if count:
                yield (
                    f"the web tokens at {path} ({count}) keep their recorded dates: no key signs them anew; "
                    "give one that is signed by HMAC by --jwt-key"
                )


def _lasts(name: str, value: str, at: float) -> bool:
    """Return whether a header names an end that was to come."""
    return lasting(name, value, at, 1) != value


def lasting(name: str, value: str, at: float, seconds: float) -> str:
    """Return a header of an answer that was given at `at` (UTC seconds), and is given again some seconds later."""
    if name == "set-cookie":
        pair, *attributes = value.split(";")
        return ";".join([pair, *cookies.later(attributes, at, seconds)])
    end = cookie_date(value) if name in _LIFETIMES else None
    return value if end is None or end <= at else http_date(end + seconds)


def date_of(value: JSON) -> float | None:
    """Return the UTC seconds of a date, or of the end of a web token; None for all else."""
    if is_web_token(value):
        return seconds_of((claims(value) or {}).get("exp"))
    return seconds_of(value)
