"""Read the secret values in the headers of requests: cookies, credentials, and other headers that a policy replaces.

A client may send such a value in a URL or a body later. Where a recorded and a live request show a value at the same
place, the live one stands for the recorded one. Headers are not compared: they teach, and never cause a miss.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from ..model import Headers
from ..redaction.policy import Policy
from .request import Shown


@dataclass(slots=True)
class ShownValues:
    """Reads the values in headers that some leaf of a recorded request holds a pseudonym of.

    Attributes:
        policy: The policy of the recording.
        wanted: The pseudonyms in leaves.
        own: Names of cookies that stand for the client's session, whose values differ in each replay.

    """

    policy: Policy
    wanted: Collection[str]
    own: Collection[str]
    _places: set[str] = field(default_factory=set)  # where recorded requests show a wanted pseudonym
    _names: set[str] = field(default_factory=set)  # headers that have such a place

    def recorded(self, headers: Headers) -> Shown:
        """Return the places and pseudonyms of a recorded request's headers; live values are read there from now on."""
        found = []
        for name, value in headers if self.wanted else ():
            for place, pseudonym in self._values(name.lower(), value):
                if pseudonym in self.wanted:
                    found.append((place, pseudonym))
                    self._places.add(place)
                    self._names.add(name.lower())
        return tuple(found)

    def live(self, headers: Headers) -> dict[str, str]:
        """Return the values of a live request's headers by place; of several the first counts."""
        found: dict[str, str] = {}
        for name, value in headers if self._names else ():
            if name.lower() in self._names:
                for place, secret in self._values(name.lower(), value):
                    if secret and place in self._places:
                        found.setdefault(place, secret)
        return found

    def _values(self, name: str, value: str) -> Iterator[tuple[str, str]]:
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
