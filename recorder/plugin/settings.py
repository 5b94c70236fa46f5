"""What a test asks for: the arguments of `@pytest.mark.cassette(…)` over the options of the run, checked."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..replay.engine.sessions.playhead import Repeat

MODES = ("none", "once", "new_episodes", "all")
VERDICTS = ("fail", "warn", "ignore")
SUFFIX = ".cassette"

_UNFIT = re.compile(r"[^\w.,=+@\[\]-]+")  # for the name of a file on every system
_LONGEST = 150  # characters of a name; file systems take 255 bytes


@dataclass(frozen=True, slots=True)
class Settings:
    """How one test is played.

    Attributes:
        cassettes: The files.
        mode: When a cassette is recorded: never, where it is missing, what is new in it, always.
        upstream: URL of the server that is recorded then.
        rate: 1 as recorded, inf for the order alone; None for a clock that waits for nothing.
        repeat: What a request gets that was recorded less often than it is asked for.
        strict: Operations must come in their recorded order and session.
        faults: What goes wrong on purpose, as after `--fault`.
        misses: What becomes of a test in which a request matched nothing.
        unplayed: What becomes of one that did not ask for all that was recorded.
        seed: For ids and chances.
        dialect: Of the cassettes; None takes their own.
        policy: By which cassettes are redacted, a name or a file; None takes what they name.
        record_options: More options for `recorder record`.

    """

    cassettes: tuple[Path, ...]
    mode: str = "none"
    upstream: str = ""
    rate: float | None = None
    repeat: Repeat = Repeat.ERROR
    strict: bool = False
    faults: tuple[str, ...] = ()
    misses: str = "fail"
    unplayed: str = "warn"
    seed: int = 0
    dialect: str | None = None
    policy: str | None = None
    record_options: tuple[str, ...] = ()


def is_recorded(settings: Settings, begun: Container[Path]) -> bool:
    """Whether a test is recorded and not played.

    Args:
        settings: Of the test.
        begun: Cassettes that this run has begun: what was missing when it started is recorded in all its tests.

    Raises:
        UsageError: If it is to be recorded into several cassettes.

    """
    missing = [path for path in settings.cassettes if path in begun or not path.exists()]
    if settings.mode == "none" or (settings.mode == "once" and not missing):
        return False
    if len(settings.cassettes) > 1:
        names = ", ".join(path.name for path in settings.cassettes)
        raise UsageError(f"a test is recorded into one cassette, this one names {names}; record them one by one")
    return True


def own_name(parts: Sequence[str]) -> str:
    """Return the cassette name of a test whose marker names none: its classes and its name, with parameters."""
    name = ".".join(parts)
    fit = _UNFIT.sub("-", name)[:_LONGEST]
    return fit if fit == name else f"{fit}-{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def of_marker(base: Settings, folder: Path, names: Sequence[Any], options: Mapping[str, Any]) -> Settings:
    """Return the settings of a test.

    Args:
        base: What stands behind the marker; its cassettes are taken if the marker names none.
        folder: Where cassettes are.
        names: The marker's positional arguments.
        options: Its keyword arguments.

    Raises:
        UsageError: If an argument is unknown, or not of its kind.

    """
    unknown = [name for name in options if name not in _CHECKS]
    if unknown:
        near = get_close_matches(unknown[0], _CHECKS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(_CHECKS)}"
        raise UsageError(f"the marker cassette has no option {unknown[0]!r}; {hint}")
    checked = {name: _CHECKS[name](name, value) for name, value in options.items()}
    cassettes = tuple(path_of(folder, name) for name in names) or base.cassettes
    return replace(base, cassettes=cassettes, **checked)


def path_of(folder: Path, name: Any) -> Path:
    """Return the file of a cassette name; a name with a slash is a path below the folder.

    Raises:
        UsageError: If it is no name, or leads out of the folder.

    """
    if not isinstance(name, str | Path) or not str(name):
        raise UsageError(f"a cassette is named by a string, not {name!r}")
    path = Path(name)
    if path.is_absolute():
        return path
    if ".." in path.parts or "\0" in str(name):
        raise UsageError(f"the cassette {str(name)!r} leads out of {folder}; give a whole path for that")
    return folder / (path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX))


def one_of(name: str, value: Any, known: Sequence[str]) -> str:
    """Check that a word is one of a list.

    Raises:
        UsageError: If it is none of them.

    """
    if value not in known:
        near = get_close_matches(str(value), known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"{name} must be one of {', '.join(known)}, not {value!r}{hint}")
    return str(value)


def rate_of(name: str, value: Any) -> float | None:
    """Parse a pace; return None for a virtual clock.

    Raises:
        UsageError: If it is none.

    """
    if value == "instant":
        return math.inf
    if value is None or value == "virtual":
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    raise UsageError(f"{name} must be a positive number, 'instant' or 'virtual', not {value!r}")


def _faults(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(fault, str) for fault in value):
        raise UsageError(f"{name} must be a list of strings, not {value!r}")
    return tuple(value)


def _is(kind: type) -> Any:
    def check(name: str, value: Any) -> Any:
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise UsageError(f"{name} must be of type {kind.__name__}, not {value!r}")
        return value

    return check


_CHECKS: dict[str, Any] = {
    "mode": lambda name, value: one_of(name, value, MODES),
    "upstream": _is(str),
    "rate": rate_of,
    "repeat": lambda name, value: Repeat(one_of(name, value, [repeat.value for repeat in Repeat])),
    "strict": _is(bool),
    "faults": _faults,
    "misses": lambda name, value: one_of(name, value, VERDICTS),
    "unplayed": lambda name, value: one_of(name, value, VERDICTS),
    "seed": _is(int),
    "dialect": _is(str),
    "policy": _is(str),
}
