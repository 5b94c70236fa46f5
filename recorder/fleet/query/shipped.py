"""Read the queries that come along: files of SQL in `queries/`.

-- One sentence about the answer.
-- NAME [DEFAULT]: One sentence about the parameter $NAME; without a default it must be given.
SELECT …
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from ...errors import UsageError

_PARAMETER = re.compile(r"(?P<name>[a-z]+)(?: \[(?P<default>.*)\])?: (?P<about>.+)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a shipped query; without a default it must be given."""

    name: str
    about: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Shipped:
    """A shipped query.

    Attributes:
        about: One sentence about the answer.
        sql: The whole file, with the comments.
    """

    name: str
    about: str
    parameters: tuple[Parameter, ...]
    sql: str

    @property
    def usage(self) -> str:
        """The call of the query with its arguments, e.g. `holding ID`."""
        words = (one.name.upper() for one in self.parameters)
        return " ".join(
            (
                self.name,
                *(
                    word if one.default is None else f"[{word}]"
                    for word, one in zip(words, self.parameters, strict=True)
                ),
            )
        )

    def values(self, given: Sequence[str]) -> dict[str, str]:
        """Return the values of its parameters, given in order.

        Raises:
            UsageError: If there are too many, or one is missing.
        """
        least = sum(one.default is None for one in self.parameters)
        if not least <= len(given) <= len(self.parameters):
            raise UsageError(
                f"write recorder query {self.usage}; recorder query --show {self.name} explains its values"
            )
        rest = [one.default or "" for one in self.parameters[len(given) :]]
        return dict(zip((one.name for one in self.parameters), (*given, *rest), strict=True))


def names() -> list[str]:
    """Return the names of the shipped queries, sorted."""
    return sorted(one.name.removesuffix(".sql") for one in _folder().iterdir() if one.name.endswith(".sql"))


def load(name: str) -> Shipped:
    """Return a shipped query by its name, one of `names`."""
    sql = (_folder() / f"{name}.sql").read_text(encoding="utf-8")
    about, *others = [line.removeprefix("-- ") for line in sql.splitlines() if line.startswith("-- ")]
    found = [match for match in map(_PARAMETER.fullmatch, others) if match is not None]
    return Shipped(name, about, tuple(Parameter(one["name"], one["about"], one["default"]) for one in found), sql)


def _folder() -> Traversable:
    return files(__package__) / "queries"
