"""Find what goes with the session of an event, so tells no cause: the name of its user, for example."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from .traffic import Pushed

_OFTEN = 2  # events that each session must have


def personal(pushed: Sequence[Pushed]) -> set[str]:
    """Return the places whose values go with the session: each session has its own, as a user has a name."""
    of: dict[str, dict[int, Counter[tuple[str, ...]]]] = defaultdict(lambda: defaultdict(Counter))
    for event in pushed:
        if event.session is not None:
            for path, values in event.values.items():
                of[path][event.session][values] += 1
    return {
        path
        for path, sessions in of.items()
        if len(sessions) > 1
        and all(len(own) == 1 and own.total() >= _OFTEN for own in sessions.values())
        and len(set().union(*sessions.values())) == len(sessions)
    }
