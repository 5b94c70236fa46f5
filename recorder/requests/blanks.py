"""Blank out the values in a request that a policy redacts, as they were or would be in a recorded one."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from ..bayeux.publishes import PUBLISH
from ..redaction.finder import Finder
from ..redaction.policy import Policy
from ..redaction.pseudonyms import Kind
from .recent import Recent
from .remembered import body_in, target_in

_BLANK, _ZERO = "•", "0"
_REMEMBERED = 1_000  # targets


@dataclass(slots=True)
class Blanker:
    """Blanks out values by the policy of a recording; without a policy it changes nothing."""

    policy: Policy | None
    _found: list[str] = field(default_factory=list)
    _finder: Finder | None = None
    _targets: Recent[tuple[bool, str], tuple[str, tuple[str, ...]]] = field(
        default_factory=partial(Recent, _REMEMBERED)
    )  # those of one resource stand near each other

    def __post_init__(self) -> None:
        if self.policy is not None:
            self._finder = Finder(self.policy, self._blank)

    def target(self, method: str, target: str) -> tuple[str, tuple[str, ...]]:
        """Blank out the target of a request, or the channel of a publish; return it and the values."""
        if self._finder is None:
            return target, ()
        key = method == PUBLISH, target
        known = self._targets.get(key)
        if known is None:
            self._found = []
            known = target_in(self._finder, method, target), tuple(self._found)
            self._targets.put(key, known)
        return known

    def body(self, method: str, body: bytes, media: str = "") -> tuple[bytes, tuple[str, ...]]:
        """Blank out the body of a request, or the data of a publish; return it and the values."""
        if self._finder is None:
            return body, ()
        self._found = []
        return body_in(self._finder, method, body, media), tuple(self._found)

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
