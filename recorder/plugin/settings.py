"""Check the settings of a test: arguments of `@pytest.mark.cassette(…)`, which override the options of the run."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import UsageError
from ..fleet.store.places import place
from ..replay.engine.orders.deviations import Disturbance
from ..replay.engine.policy import Repeat

if TYPE_CHECKING:
    from ..library.changing import Change
    from ..replay.engine.policy import Match

MODES = ("none", "once", "new_episodes", "all")
VERDICTS = ("fail", "warn", "ignore")
ON_MISSING = ("stop", "skip", "send")
SUFFIX = ".cassette"

_UNFIT = re.compile(r"[^\w.,=+@\[\]-]+")  # characters replaced in names, so that a name fits every operating system
_LONGEST_DELAY = 3600  # seconds
_LONGEST = 150  # characters of a name; file systems allow 255 bytes, and a suffix follows


@dataclass(frozen=True, slots=True)
class Settings:
    """How one test is played.

    Attributes:
        cassettes: The files.
        mode: When to record: `none` never, `once` if the cassette is missing, `new_episodes` to append new triples,
            `all` always.
        upstream: URL of the server to record.
        rate: Pace: 1 as recorded, 10 ten times as fast, inf keeps the order only; None plays on a virtual clock.
        repeat: What to answer when a request comes more often than it was recorded.
        strict: Operations must come in their recorded order and session.
        faults: Faults to play, each as text after `--fault` on the command line.
        misses: Verdict on a test with a miss: `fail`, `warn` or `ignore`.
        unplayed: Verdict on a test that leaves triples unplayed: `fail`, `warn` or `ignore`.
        seed: Seed for ids and for the chances of faults; equal seeds give equal runs.
        dialect: Name of a shipped dialect, or path of a file; None takes the dialect that each cassette names when
            the test is played, and the shipped one that fits when the test is recorded.
        policy: Redaction policy, a name or a file; None takes the policy that a cassette names when the test is
            played, and the default of `recorder record` when the test is recorded.
        allow_host: Hosts to serve besides those of this machine and of the cassettes, as after `--allow-host`.
        allow_origin: Origins of pages to serve besides those, as after `--allow-origin`.
        record_options: More options, as on the command line of `recorder record`.
        recorder: Command of a recorder that is installed elsewhere; "" takes the one of this Python.
        match: Function that has a say in which recorded request answers a live one; None if there is none.
        before_record: Function that changes or leaves out what was recorded; None if there is none.
        drive: Play the client's side against a server under test (the fixture `driver`), not the server's.
        to: URL of the server under test.
        values: TOML file with the values that replace pseudonyms, keys and headers; None takes the environment alone.
        allow: Operations, and methods with paths, that may be sent though they may change something.
        allow_all: Allow everything that was recorded.
        on_missing: What to do if an answer or event does not come: `stop`, `skip` or `send`.
        patience: Least number of seconds to wait for an answer or event.
        settle: Number of seconds to wait at the end for events that were not recorded.
        findings: Verdict on a test whose driver found something: `fail`, `warn` or `ignore`.
        explore: Number of schedules to run the test under; 0 runs it once, in the recorded order.
        explore_seed: Seed by which schedules are drawn.
        disturb: Trouble on the way that schedules may have.
        delay: Number of seconds by which a schedule delays events and answers; 0 delays none.
        schedule: A schedule to run the test under, and no other: an id, a file, or texts of deviations; none for the
            recorded order.
        files: Where the cassettes are read, one for each; none if that is at their own paths.

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
    allow_host: tuple[str, ...] = ()
    allow_origin: tuple[str, ...] = ()
    record_options: tuple[str, ...] = ()
    recorder: str = ""
    match: Match | None = None
    before_record: Change | None = None
    drive: bool = False
    to: str = ""
    values: Path | None = None
    allow: tuple[str, ...] = ()
    allow_all: bool = False
    on_missing: Literal["stop", "skip", "send"] = "stop"
    patience: float = 5.0
    settle: float = 0.5
    findings: str = "fail"
    explore: int = 0
    explore_seed: int = 0
    disturb: frozenset[Disturbance] = frozenset()
    delay: float = 1.0
    schedule: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    @property
    def places(self) -> tuple[Path, ...]:
        """Where the cassettes are read."""
        return self.files or self.cassettes

    @property
    def names(self) -> str:
        """Names of the cassettes, for people."""
        return ", ".join(path.name for path in self.cassettes)


def is_recorded(settings: Settings, begun: Container[Path]) -> bool:
    """Return whether a test is to be recorded instead of played.

    Args:
        settings: Settings of the test.
        begun: Cassettes that this run of pytest has begun. Later tests of the run that share such a cassette are
            recorded too.

    Raises:
        UsageError: If the test is to be recorded and names several cassettes.

    """
    places = zip(settings.cassettes, settings.places, strict=True)
    missing = [path for path, place in places if path in begun or not place.exists()]
    if settings.mode == "none" or (settings.mode == "once" and not missing):
        return False
    if len(settings.cassettes) > 1:
        raise UsageError(
            f"a test is recorded into one cassette, this test names {settings.names}; record the cassettes one by one"
        )
    return True


def own_name(parts: Sequence[str]) -> str:
    """Return the cassette's default name: the test's classes and name, joined by dots and made fit for a file.

    A changed or shortened name ends with a hash of the full name, so that two tests never share a cassette by accident.
    """
    name = ".".join(parts)
    fit = _UNFIT.sub("-", name)[:_LONGEST]
    return fit if fit == name else f"{fit}-{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def of_marker(base: Settings, folder: Path, names: Sequence[Any], options: Mapping[str, Any]) -> Settings:
    """Return the settings of a test: the arguments of a marker over the settings below it.

    Args:
        base: Settings to start from; their cassettes are kept if the marker names no cassette.
        folder: Folder of the cassettes.
        names: The marker's positional arguments, names of cassettes.
        options: The marker's keyword arguments.

    Raises:
        UsageError: If an argument is unknown, or has a wrong type or value.

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
    """Return the file of a cassette's name; a name may be a relative path below the folder, or an absolute path.

    Raises:
        UsageError: If the name is empty, is no string, or leads out of the folder.

    """
    if not isinstance(name, str | Path) or not str(name):
        raise UsageError(f"a cassette is named by a string, not {name!r}")
    path = place(name)
    if path.is_absolute():
        return path
    if ".." in path.parts or "\0" in str(name):
        raise UsageError(f"the cassette {str(name)!r} leads out of {folder}; give an absolute path instead")
    return folder / (path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX))


def one_of(name: str, value: Any, known: Sequence[str]) -> str:
    """Return the value of an option if it is one of the known words.

    Raises:
        UsageError: If the value is not one of the known words.

    """
    if value not in known:
        near = get_close_matches(str(value), known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"{name} must be one of {', '.join(known)}, not {value!r}{hint}")
    return str(value)


def rate_of(name: str, value: Any) -> float | None:
    """Parse a pace: a positive factor, inf for "instant", None for "virtual" (a virtual clock).

    Raises:
        UsageError: If the value is no pace.

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


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise UsageError(f"{name} must be a string or a list of strings, not {value!r}")
    return tuple(value)


def _path(name: str, value: Any) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise UsageError(f"{name} must be the path of a file, not {value!r}")
    return Path(value)


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise UsageError(f"{name} must be a positive number of seconds, not {value!r}")
    return float(value)


def count_of(name: str, value: Any) -> int:
    """Return a number of schedules.

    Raises:
        UsageError: If the value is none.

    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(f"{name} must be a number of schedules, such as 200, not {value!r}")
    return value


def _delay(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST_DELAY:
        raise UsageError(f"{name} must be a number of seconds from 0 to {_LONGEST_DELAY}, not {value!r}")
    return float(value)


def _disturbances(name: str, value: Any) -> frozenset[Disturbance]:
    known = [one.value for one in Disturbance]
    return frozenset(Disturbance(one_of(name, text, known)) for text in _texts(name, value))


def _schedule(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, Path):
        return (str(value),)
    return _texts(name, value)


def _function(name: str, value: Any) -> Any:
    if value is not None and not callable(value):
        raise UsageError(f"{name} must be a function, not {value!r}")
    return value


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
    "allow_host": _texts,
    "allow_origin": _texts,
    "drive": _is(bool),
    "to": _is(str),
    "values": _path,
    "allow": _texts,
    "allow_all": _is(bool),
    "on_missing": lambda name, value: one_of(name, value, ON_MISSING),
    "patience": _seconds,
    "settle": _seconds,
    "match": _function,
    "before_record": _function,
    "findings": lambda name, value: one_of(name, value, VERDICTS),
    "explore": count_of,
    "explore_seed": _is(int),
    "disturb": _disturbances,
    "delay": _delay,
    "schedule": _schedule,
}
