"""Read cassettes as scenarios that many users play, and check all before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ...cassette.reader import read
from ...dialect.carried import dialect_of
from ...dialect.definition import Dialect, load
from ...drive.engine.allowing import Allowed, needs, refusals
from ...drive.engine.driver import Driver, OnMissing, Patience, Traits
from ...drive.engine.fresh import new_ids
from ...drive.engine.listing import Row, rows
from ...drive.engine.needs import missing, with_given
from ...drive.engine.plan import Plan, Step
from ...drive.engine.planning import plan_of
from ...drive.engine.selecting import of_clients
from ...drive.engine.values import Values
from ...drive.front.target import Target
from ...errors import NothingSelected, UsageError
from ...library.recording import derive
from ...printable import counted
from ...redaction.joins import of_cassette
from .measuring import Operations
from .rows import Rows, read_rows

SETTLE: Final = 0.5  # seconds; see `Settings.settle`
PATIENCE: Final = 5.0  # seconds; see `Settings.patience`


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The cassettes that are played, and the settings of their play.

    Attributes:
        cassettes: Files, each with its weight: how often it is played, compared with the others.
        to: URL of the server; "" only to list what would be sent.
        values: Files with values: TOML, and CSV with a row for each user.
        rate: Pace of think times; `math.inf` without any.
        sessions: Labels of the recorded sessions to play; all by default.
        allow: Names of operations, and methods with paths, that may be sent beside reading.
        allow_all: Allow everything.
        on_missing: What to do about steps that wait for something that does not come.
        patience: Seconds at least to wait for what the server should tell.
        settle: Seconds to wait for surplus events after all has come.
        send_recorded_credentials: Send the recorded tokens to another host than the recorded one.
        insecure: Accept any certificate of the server.
        upstream_ca: PEM files, and folders of certificates, to trust beside the public CAs.
        dialect: Name of a shipped dialect, or path of a file; None takes that of each cassette.
        policy: Policy the cassettes were redacted by, if not a shipped one.
    """

    cassettes: tuple[tuple[Path, int], ...]
    to: str = ""
    values: tuple[Path, ...] = ()
    rate: float = 1.0
    sessions: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    allow_all: bool = False
    on_missing: OnMissing = OnMissing.SKIP
    patience: float = PATIENCE
    settle: float = SETTLE
    send_recorded_credentials: bool = False
    insecure: bool = False
    upstream_ca: tuple[Path, ...] = field(default=())
    dialect: str | None = None
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A cassette that is played.

    Attributes:
        path: The file.
        weight: How often it is played, compared with the others.
        label: Name of its sessions in the statistics.
        plan: What it sends, before the values of a user are known.
        dialect: The dialect it is read by.
    """

    path: Path
    weight: int
    label: str
    plan: Plan
    dialect: Dialect


@dataclass(frozen=True, slots=True)
class Prepared:
    """The parts that all sessions of users with the same kinds of values share.

    Attributes:
        plan: The plan, with the places of these values.
        operations: What the statistics need of it.
        traits: What its drivers share.
    """

    plan: Plan
    operations: Operations
    traits: Traits


@dataclass(frozen=True, slots=True)
class Part:
    """One session of one user, ready to be played.

    Attributes:
        scenario: What is played.
        plan: The plan with the places of the values of this user.
        operations: Of this plan.
        driver: Plays it, once.
    """

    scenario: Scenario
    plan: Plan
    operations: Operations
    driver: Driver


class Load:
    """Scenarios with the values of their users.

    Attributes:
        settings: What is played, and how.
        scenarios: The cassettes, read.
        rows: The values of the users.
        allowed: What the user allowed.
        target: The server; None if there is none.

    Args:
        settings: What is played, and how.
        environment: Variables to read values from.

    Raises:
        UsageError: If a setting cannot be used.
        CassetteError: If a cassette cannot be read.
        NothingSelected: If nothing in a cassette is sent by a client.
        SettingsError: If a dialect, a policy or the values have a mistake.
    """

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        if not settings.cassettes:
            raise UsageError("name at least one cassette to play")
        if not settings.rate > 0:
            raise UsageError(f"rate must be a positive number or 'instant', not {settings.rate!r}")
        if not settings.patience > 0:
            raise UsageError(f"patience must be a positive number of seconds, not {settings.patience!r}")
        self.settings = settings
        self.target = _target(settings) if settings.to else None
        self.allowed = Allowed(settings.allow, everything=settings.allow_all)
        self.rows: Rows = read_rows(settings.values, environment)
        names = [path.stem for path, _ in settings.cassettes]
        self.scenarios = tuple(
            _scenario(path, weight, settings, path.stem if names.count(path.stem) == 1 else str(path))
            for path, weight in settings.cassettes
        )
        self._plans: dict[tuple[Path, frozenset[tuple[str, ...]]], Prepared] = {}

    # -- before the first byte

    def problems(self, users: int | None = None) -> list[str]:
        """Return a line for each thing that keeps the load from being sent; none if it can begin.

        Args:
            users: Number of users; None if it is not known.

        Raises:
            ValuesError: If the values of a user have a mistake.
        """
        count = self.rows.count
        found: list[str] = []
        if count == 0:
            found.append("the file with the values of the users has no row")
        elif users is not None and count is not None and users > count:
            found.append(
                f"{self.rows.where} has values for {counted(count, 'user')}, and there are {users}; "
                f"add rows, or play with --users {count}"
            )
        for scenario in self.scenarios:
            about = f"{scenario.path}: " if len(self.scenarios) > 1 else ""
            lines = [*refusals(self.allowed.refused(scenario.plan)), *self._missing(scenario)]
            found += (f"{about}{line}" for line in lines)
        return found

    def _missing(self, scenario: Scenario) -> Iterator[str]:
        """Yield what users lack, once for all users that have the same kinds of values."""
        seen: set[frozenset[tuple[str, ...]]] = set()
        told: set[str] = set()
        for number in range(1 if self.rows.count is None else self.rows.count):
            values, shape = self.rows.values(number), self.rows.shape(number)
            if shape in seen:
                continue
            seen.add(shape)
            plan = self.prepared(scenario, number, values).plan
            for one in missing(plan, values, self._is_recorded(plan), self.settings.send_recorded_credentials):
                if one.text not in told:
                    told.add(one.text)
                    yield one.text

    def unused(self) -> list[str]:
        """Return a line for what was allowed or given and is for nothing in any cassette, such as a misspelt name."""
        lists = [self.allowed.unused(scenario.plan) for scenario in self.scenarios]
        allowed = [name for name in lists[0] if all(name in others for others in lists)]
        given = []
        if self.rows.count != 0:
            values = self.rows.values(0)
            names = [values.unused(self.prepared(scenario, 0, values).plan) for scenario in self.scenarios]
            given = [name for name in names[0] if all(name in others for others in names)]
        return [f"no request needs the permission {name!r}" for name in allowed] + [
            f"no request takes the value {name} of the values" for name in given
        ]

    def refused(self) -> list[Step]:
        """Return the steps that need to be allowed, and are not."""
        return [step for scenario in self.scenarios for step in self.allowed.refused(scenario.plan)]

    def writes(self, scenario: Scenario) -> list[Step]:
        """Return the steps of a scenario that may change something on the server."""
        return [step for step in scenario.plan.steps if needs(step)]

    def listed(self, scenario: Scenario) -> list[Row]:
        """Return what a session would send, in order, with the values of the first user."""
        has_values = self.rows.count != 0
        values = self.rows.values(0) if has_values else Values()
        plan = self.prepared(scenario, 0, values).plan if has_values else scenario.plan
        return rows(
            plan,
            values,
            self.allowed,
            dialect=scenario.dialect,
            to_recorded_host=self._is_recorded(plan),
            send_credentials=self.settings.send_recorded_credentials,
        )

    # -- a session

    def prepared(self, scenario: Scenario, number: int, values: Values) -> Prepared:
        """Return the plan of a scenario for a user, which all users with the same kinds of values share."""
        key = scenario.path, self.rows.shape(number)
        made = self._plans.get(key)
        if made is None:
            plan = with_given(scenario.plan, values, scenario.dialect)
            made = self._plans[key] = Prepared(plan, Operations.of(plan), Traits(plan))
        return made

    def part(self, scenario: Scenario, number: int, values: Values, random: Callable[[int], bytes]) -> Part:
        """Return one session of a user, under fresh ids.

        Args:
            scenario: What is played.
            number: Row of the values of the user.
            values: These values.
            random: Returns that many random bytes.
        """
        prepared, settings = self.prepared(scenario, number, values), self.settings
        driver = Driver(
            prepared.plan,
            values=values,
            new_id=new_ids(random),
            rate=settings.rate,
            patience=Patience(least=settings.patience),
            on_missing=settings.on_missing,
            settle=settings.settle,
            dialect=scenario.dialect,
            traits=prepared.traits,
        )
        return Part(scenario, prepared.plan, prepared.operations, driver)

    def _is_recorded(self, plan: Plan) -> bool:
        return self.target is not None and self.target.is_recorded(plan)


def rate_of(given: float | str) -> float:
    """Return the pace of think times as a number: "instant" is without any.

    Raises:
        UsageError: If it is neither a number nor that word.
    """
    rate = math.inf if given == "instant" else given
    if not isinstance(rate, int | float):
        raise UsageError(f"rate must be a positive number or 'instant', not {given!r}")
    return float(rate)


def _target(settings: Settings) -> Target:
    return Target.at(
        settings.to,
        insecure=settings.insecure,
        ca=settings.upstream_ca,
        send_credentials=settings.send_recorded_credentials,
    )


def _scenario(path: Path, weight: int, settings: Settings, label: str) -> Scenario:
    """Read a cassette, and make the plan of it."""
    if weight < 1:
        raise UsageError(f"{path}: its weight must be 1 or more, not {weight}")
    chosen = load(settings.dialect) if settings.dialect is not None else None
    cassette = read(path)
    dialect = chosen or dialect_of(cassette.header)
    policy = of_cassette(cassette.header, settings.policy, described=True)
    plan = plan_of(derive(cassette, chosen), cassette.records, dialect, policy)
    if settings.sessions:
        plan = of_clients(plan, settings.sessions)
    if not plan.steps:
        raise NothingSelected(f"{path}: holds no request of a client, so there is nothing to send")
    return Scenario(path, weight, label, plan, dialect)
