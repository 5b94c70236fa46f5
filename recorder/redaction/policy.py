"""A policy: which values must not be kept, as data. The fields are explained in the file `gws.toml`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cache
from importlib.resources import files
from pathlib import Path

from ..errors import PolicyError
from ..tables import Table, finish, read
from .pseudonyms import Kind

DEFAULT = "gws"
NO_POLICY = "none"  # in the header of a cassette that holds everything in the clear
NO_BODIES = {NO_POLICY, "headers-1"}  # the latter: of cassettes from before there were policies
_PATHS = 20_000  # remembered; then they begin anew: a stranger chooses the names in a body


@dataclass(frozen=True, slots=True)
class Rule:
    """What goes for a value: its kind, None for one of which nothing is known; `kept` for one to be left alone."""

    kind: Kind | None = None
    kept: bool = False


NO_RULE = Rule()


@dataclass(frozen=True, slots=True)
class Names:
    """A list of names with wildcards, compared without case."""

    pattern: re.Pattern[str]

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """Compile; a dotted name fits the end of a path."""
        globs = "|".join(translate(name.lower()) for name in names)
        return cls(re.compile(rf"(?:.*\.)?(?:{globs})" if globs else r"(?!)", re.DOTALL))

    def __contains__(self, path: str) -> bool:
        return self.pattern.fullmatch(path) is not None


@dataclass(frozen=True, slots=True)
class Values:
    """Patterns of values, as one: what a text holds is found in one pass."""

    pattern: re.Pattern[str]
    kinds: dict[str, tuple[Kind, int | None]]  # by the name of a pattern: its kind, and the group that is replaced

    @classmethod
    def of(cls, patterns: list[tuple[re.Pattern[str], Kind]]) -> Values:
        """Join patterns; of several that fit at a place the first one counts."""
        kinds: dict[str, tuple[Kind, int | None]] = {}
        group = 1
        for number, (pattern, kind) in enumerate(patterns):
            kinds[f"p{number}"] = kind, group + 1 if pattern.groups else None
            group += 1 + pattern.groups
        joined = "|".join(f"(?P<p{number}>{pattern.pattern})" for number, (pattern, _) in enumerate(patterns))
        return cls(re.compile(joined or r"(?!)"), kinds)

    def spans(self, text: str) -> list[tuple[int, int, Kind]]:
        """Where values stand in a text, from left to right and apart from each other."""
        found = []
        for match in self.pattern.finditer(text):
            kind, group = self.kinds[match.lastgroup or ""]
            found.append((*match.span(group or 0), kind))
        return found


@dataclass(slots=True, eq=False)
class Policy:
    """A policy, checked.

    Attributes:
        name: Stands in the header of a cassette.
        text: The file's, so that a cassette can keep it.
        fields: What a name says of a value, whatever it is in.
        inside: What a name says of all in it that no field names.
        values: What is looked for in text.

    """

    name: str
    text: str
    cookies: Names
    credentials: Names
    kept_headers: Names
    fields: list[tuple[Names, Rule]]
    inside: list[tuple[Names, Rule]]
    values: Values
    _known: dict[tuple[str, Rule], Rule] = field(default_factory=dict)

    def rule(self, path: str, around: Rule = NO_RULE) -> Rule:
        """What goes for a place: names from the outside in, joined by dots, and the rule for what it stands in."""
        found = self._known.get((path, around))
        if found is None:
            if len(self._known) > _PATHS:
                self._known.clear()
            found = self._known[path, around] = self._rule(path.lower(), around)
        return found

    def _rule(self, path: str, around: Rule) -> Rule:
        for names, rule in (*self.fields, *self.inside):
            if path in names:
                return rule
        return around


def load(source: str = DEFAULT) -> Policy:
    """A shipped policy by name, or a file by path.

    Raises:
        PolicyError: If there is none, or it has a mistake.

    """
    if re.fullmatch(r"[\w-]+", source):
        return shipped(source)
    try:
        return parse(Path(source).read_text(encoding="utf-8"), path=source)
    except (OSError, UnicodeDecodeError) as exc:
        raise PolicyError(source, "file", f"cannot be read: {exc}") from exc


def of_cassette(name: str, source: str | None = None) -> Policy | None:
    """What a cassette says it was redacted by; None where nothing in bodies was.

    Args:
        name: From its header.
        source: Where that policy is, if it is not a shipped one.

    Raises:
        PolicyError: If it is not shipped and was not given, or another one was given.

    """
    if name in NO_BODIES:
        return None
    policy = load(source) if source else shipped(name)
    if policy.name != name:
        raise PolicyError(source or name, "name", f"is {policy.name!r}, the cassette was redacted by {name!r}")
    return policy


def names() -> list[str]:
    """The shipped policies."""
    found = (entry.name for entry in files(__package__).iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


@cache
def shipped(name: str) -> Policy:
    """A shipped policy by name.

    Raises:
        PolicyError: If there is no such policy.

    """
    resource = files(__package__).joinpath(f"{name}.toml")
    if not re.fullmatch(r"[\w-]{1,64}", name) or not resource.is_file():
        raise PolicyError(name[:80], "name", f"no such policy is shipped; there is {DEFAULT!r}, or give a TOML file")
    return parse(resource.read_text(encoding="utf-8"), path=f"{name}.toml")


def parse(text: str, *, path: str) -> Policy:
    """Check a policy's text.

    Raises:
        PolicyError: Naming the file, the line and the key that is wrong; all mistakes are in its `problems`.

    """
    top = read(text, path, PolicyError)
    headers, fields = top.table("headers"), top.table("fields")
    inside, values = top.table("inside", optional=True), top.table("values", optional=True)
    policy = Policy(
        name=top.text("name"),
        text=text,
        cookies=Names.of(headers.texts("cookies", optional=True)),
        credentials=Names.of(headers.texts("credentials", optional=True)),
        kept_headers=Names.of(headers.texts("keep")),
        fields=[
            *((Names.of(fields.texts(kind.value, optional=True)), Rule(kind)) for kind in Kind),
            (Names.of(fields.texts("keep", optional=True)), Rule(kept=True)),
        ],
        inside=[(Names.of(inside.texts(kind.value, optional=True)), Rule(kind)) for kind in Kind],
        values=Values.of([(pattern, kind) for kind in Kind for pattern in _patterns(values, kind.value)]),
    )
    if (policy.name and not re.fullmatch(r"[\w-]{1,64}", policy.name)) or policy.name == "none":
        top.wrong("name", "must be of letters, digits, hyphens and underscores, 64 at most, and not 'none'")
    finish(top)
    return policy


def _patterns(table: Table, key: str) -> list[re.Pattern[str]]:
    found = []
    for text in table.texts(key, optional=True):
        try:
            pattern = re.compile(text)
        except re.error as exc:
            table.wrong(key, f"{text!r} is no regular expression: {exc}")
            continue
        if pattern.fullmatch("") or pattern.groups > 1 or pattern.groupindex or pattern.flags & ~re.UNICODE:
            table.wrong(key, f"{text!r} must not fit nothing, and have one group at most, without a name, and no flags")
            continue
        found.append(pattern)
    return found
