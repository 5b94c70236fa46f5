"""Read the secret values in the headers of requests: cookies, credentials, and other headers that a policy replaces.

A client may send such a value in a URL or a body later. Where a recorded and a live request show a value at the same
place, the live one stands for the recorded one. Headers are not compared: they teach, and never cause a miss.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import dataclass, field

from ..model import Headers
from ..redaction.policy import Policy
from .request import Shown


@dataclass(slots=True)
class ShownValues:
    """Reads the values in headers that some leaf of a recorded request holds a pseudonym of.

    Attributes:
        policy: The policy of the recording.
        wanted: The pseudonyms in leaves that some header shows.
        own: Names of cookies that stand for the client's session, whose values differ in each replay.
        places: Where headers of recorded requests show them, such as `cookie NAME`.

    """

    policy: Policy
    wanted: Container[str]
    own: Collection[str]
    places: Collection[str]
    _names: frozenset[str] = field(init=False)  # headers that have such a place

    def __post_init__(self) -> None:
        self._names = frozenset(place.partition(" ")[0] for place in self.places)

    @property
    def are_there(self) -> bool:
        """True if a header shows any, beside the cookies that stand for the session."""
        cookies = (place.partition(" ") for place in self.places)
        return any(name not in self.policy.cookies or cookie not in self.own for name, _, cookie in cookies)

    def recorded(self, headers: Headers) -> Shown:
        """Return the places and pseudonyms of a recorded request's headers."""
        return tuple(
            (place, pseudonym)
            for name, value in headers
            if name.lower() in self._names
            for place, pseudonym in self.values(name.lower(), value)
            if pseudonym in self.wanted
        )

    def live(self, headers: Headers) -> dict[str, str]:
        """Return the values of a live request's headers by place; of several the first counts."""
        found: dict[str, str] = {}
        for name, value in headers if self._names else ():
            if name.lower() in self._names:
                for place, secret in self.values(name.lower(), value):
                    if secret and place in self.places:
                        found.setdefault(place, secret)
        return found

    def values(self, name: str, value: str) -> Iterator[tuple[str, str]]:
        """Yield the values in a header, each with the name of its place."""
        if name in self.policy.cookies:
            for pair in value.split(";"):
                cookie, _, content = pair.partition("=")
                if cookie.strip() not in self.own:
                    yield f"{name} {cookie.strip()}", content.strip()
        elif name in self.policy.credentials:
            scheme, space, secret = value.partition(" ")
            yield name, value
            if space:
                yield f"{name} {scheme.lower()}", secret
        elif name not in self.policy.kept_headers:
            yield name, value


class HeaderValues:
    """The values that the headers of a whole recording show, as far as it takes to find those of its leaves."""

    def __init__(self, policy: Policy) -> None:
        """Begin with none."""
        self._reader = ShownValues(policy, (), (), ())
        self._seen: set[int] = set()  # headers that were read
        self._hashes: dict[str, set[int]] = {}  # of the values, by place: a day of them does not fit into memory

    def learn(self, headers: Headers) -> None:
        """Take the headers of a recorded request."""
        for header in headers:
            if hash(header) not in self._seen:
                self._seen.add(hash(header))
                for place, value in self._reader.values(header[0].lower(), header[1]):
                    self._hashes.setdefault(place, set()).add(hash(value))

    def showing(self, wanted: Iterable[str]) -> dict[str, list[str]]:
        """Return the wanted pseudonyms that headers show, by their places."""
        found = {place: [one for one in wanted if hash(one) in hashes] for place, hashes in self._hashes.items()}
        return {place: values for place, values in sorted(found.items()) if values}
