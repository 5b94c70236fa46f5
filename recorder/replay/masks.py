"""Blanks out what a policy names, in recorded and in live requests, so that pseudonyms and real values compare.

What was blanked out is kept in its order: a live value and the pseudonym in its place pair up, one to one, for the rest
of the session.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..redaction.finder import Finder
from ..redaction.policy import Policy
from ..redaction.pseudonyms import Kind

_BLANK, _ZERO = "•", "0"


@dataclass(frozen=True, slots=True)
class Masked:
    """A request without the values a policy names; these are in `values`."""

    target: str
    body: bytes
    values: tuple[str, ...]


@dataclass(slots=True)
class Masks:
    """Makes them, by the policy of a recording; without one nothing is blanked out."""

    policy: Policy | None
    _found: list[str] = field(default_factory=list)
    _finder: Finder | None = None

    def __post_init__(self) -> None:
        if self.policy is not None:
            self._finder = Finder(self.policy, self._blank)

    def of(self, target: str, body: bytes) -> Masked:
        """A request, blanked out."""
        if self._finder is None:
            return Masked(target, body, ())
        self._found = []
        return Masked(self._finder.target(target), self._finder.body(body), tuple(self._found))

    def keeps(self, path: str) -> bool:
        """Whether nothing in the values of a member is ever blanked out; names are joined by dots."""
        if self.policy is None:
            return True
        place = self.policy.root()
        for name in path.split("."):
            place = self.policy.inside(place, name)
        return place.rule.kept

    def _blank(self, kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG002  # a blank is a blank
        self._found.append(value)
        return _ZERO if number else _BLANK
