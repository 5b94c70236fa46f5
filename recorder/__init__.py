"""Record and replay applications that send over REST and hear by push, by cause.

    from recorder import StandIn

    with StandIn("session.cassette") as standin:
        run_my_client(standin.url)
        assert not standin.misses

docs/api.md shows all of it. Names are loaded when they are first used: `import recorder` alone costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api.cassette import Cassette as Cassette
    from .api.drive import Drive as Drive
    from .api.recorder import Recorder as Recorder
    from .api.standin import Session as Session
    from .api.standin import StandIn as StandIn
    from .dialect.definition import Dialect as Dialect
    from .errors import CassetteError as CassetteError
    from .errors import DialectError as DialectError
    from .errors import PolicyError as PolicyError
    from .errors import RecorderError as RecorderError
    from .errors import UsageError as UsageError
    from .model import Event as Event
    from .model import Link as Link
    from .model import Recording as Recording
    from .model import Request as Request
    from .model import Response as Response
    from .model import State as State
    from .model import Triple as Triple
    from .redaction.policy import Policy
    from .replay.engine.miss import Miss as Miss

    RedactionPolicy = Policy
    __version__: str

_PLACES = {  # name → module, and the name there if it is another one
    "Cassette": ("api.cassette",),
    "CassetteError": ("errors",),
    "Dialect": ("dialect.definition",),
    "DialectError": ("errors",),
    "Drive": ("api.drive",),
    "Event": ("model",),
    "Link": ("model",),
    "Miss": ("replay.engine.miss",),
    "PolicyError": ("errors",),
    "Recorder": ("api.recorder",),
    "RecorderError": ("errors",),
    "Recording": ("model",),
    "RedactionPolicy": ("redaction.policy", "Policy"),
    "Request": ("model",),
    "Response": ("model",),
    "Session": ("api.standin",),
    "StandIn": ("api.standin",),
    "State": ("model",),
    "Triple": ("model",),
    "UsageError": ("errors",),
}
__all__ = [*_PLACES, "__version__"]  # noqa: PLE0604  # all are strings


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value = import_module("importlib.metadata").version("outbound-recorder")
    elif name in _PLACES:
        module, *other = _PLACES[name]
        value = getattr(import_module(f".{module}", __name__), *other or [name])
    else:
        raise AttributeError(f"module 'recorder' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
