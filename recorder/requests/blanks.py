"""Blank out the values in a request that a policy redacts, as they were or would be in a recorded one."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..redaction.finder import Finder
from ..redaction.policy import Policy
from ..redaction.pseudonyms import Kind
from .remembered import found_in

_BLANK, _ZERO = "•", "0"


@dataclass(frozen=True, slots=True)
class BlankedRequest:
    """A request without the values that a policy redacts; these are in `values`."""

    target: str
    body: bytes
    values: tuple[str, ...]


@dataclass(slots=True)
class Blanker:
    """Blanks out values by the policy of a recording; without a policy it changes nothing."""

    policy: Policy | None
    _found: list[str] = field(default_factory=list)
    _finder: Finder | None = None

    def __post_init__(self) -> None:
        if self.policy is not None:
            self._finder = Finder(self.policy, self._blank)

    def of(self, method: str, target: str, body: bytes, media: str = "") -> BlankedRequest:
        """Blank out a request, or the channel and data of a publish."""
        if self._finder is None:
            return BlankedRequest(target, body, ())
        self._found = []
        target, body = found_in(self._finder, method, target, body, media)
        return BlankedRequest(target, body, tuple(self._found))

    def keeps(self, path: str) -> bool:
        """Return whether a member's values are never blanked out; names are joined by dots."""
        if self.policy is None:
            return True
        place = self.policy.root()
        for name in path.split("."):
            place = self.policy.inside(place, name)
        return place.rule.kept

    def _blank(self, kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG002  # a blank is a blank
        self._found.append(value)
        return _ZERO if number else _BLANK
