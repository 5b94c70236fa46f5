"""Tell which operations do not wait, as a dialect names them."""

from __future__ import annotations

from collections.abc import Callable

from ....bayeux.publishes import PUBLISH
from ....dialect.definition import Dialect
from ....dialect.paths import path_of
from ....dialect.routes import route
from ....push.rules import MESSAGE
from ..plan import Act
from .walk import Draft


def unwaited(dialect: Dialect) -> Callable[[Draft], bool]:
    """Return a function that tells whether a step does not wait for what was told, nor anybody for its answer."""
    names = frozenset(dialect.unwaited)
    pairs = (one.partition(" ") for one in names if " " in one)
    routes = [(method, route(path.strip())) for method, _, path in pairs]

    def is_unwaited(step: Draft) -> bool:
        if not names:
            return False
        if step.operation in names:
            return True
        method, target = _asked(step)
        return any(method == own and pattern.fullmatch(target) for own, pattern in routes)

    return is_unwaited


def _asked(step: Draft) -> tuple[str, str]:
    """Return the method and path of a step as dialects name requests."""
    match step.act:
        case Act.PUBLISH:
            return PUBLISH, str((step.message or {}).get("channel"))
        case Act.MESSAGE:
            return MESSAGE, step.topic
        case Act.CALL | Act.STREAM | Act.SOCKET:
            return step.request.method, path_of(step.request.target)
        case _:
            return "", ""
