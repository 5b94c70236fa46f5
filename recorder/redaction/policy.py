"""A policy: which values must not be kept, as data. The fields are explained in the file `gws.toml`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cache
from importlib.resources import files
from pathlib import Path

from ..dialect.routes import routes
from ..dialect.tables import Table, finish, read
from ..errors import PolicyError
from ..files import read_text
from .pseudonyms import Kind, Span

DEFAULT = "gws"
NO_POLICY = "none"  # in the header of a cassette that holds everything in the clear
NO_BODIES = {NO_POLICY, "headers-1"}  # the latter: of cassettes from before there were policies
_PLACES = 20_000  # remembered; then they begin anew: a stranger chooses the names in a body
_LONGEST = 400  # characters of a path: rules look at its end


@dataclass(frozen=True, slots=True)
class Rule:
    """What goes for a value: its kind, None for one of which nothing is known; `kept` for one to be left alone."""

    kind: Kind | None = None
    kept: bool = False


NO_RULE = Rule()


@dataclass(frozen=True, slots=True)
class Names:
    """A list of names with wildcards, compared without case.

    Attributes:
        patterns: By the number of names in it: "user.name" is compared with the last two of a path.

    """

    patterns: dict[int, re.Pattern[str]]

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """Compile; a dotted name fits the end of a path."""
        by_length: dict[int, list[str]] = {}
        for name in names:
            by_length.setdefault(name.count(".") + 1, []).append(translate(name.lower()))
        return cls({length: re.compile("|".join(globs), re.DOTALL) for length, globs in by_length.items()})

    def __contains__(self, path: str) -> bool:
        return any(p.fullmatch(".".join(path.rsplit(".", n)[-n:])) for n, p in self.patterns.items())


@dataclass(frozen=True, slots=True)
class Values:
    """Patterns of values, looked for one after the other: where one begins with a letter, that is found fast.

    Attributes:
        patterns: With what they find; of one with a group the group.

    """

    patterns: tuple[tuple[re.Pattern[str], Kind], ...]

    def spans(self, text: str) -> list[Span]:
        """Where values stand in a text; they may overlap."""
        return [
            (*found.span(pattern.groups), kind) for pattern, kind in self.patterns for found in pattern.finditer(text)
        ]


@dataclass(slots=True, eq=False)
class Place:
    """Where values stand in a document.

    Attributes:
        path: Names from the outside in, joined by dots; the end of it, for a stranger may nest without end.
        rule: What goes for a value there.
        inner: The places in it that were seen, by name.

    """

    path: str
    rule: Rule
    inner: dict[str, Place] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Policy:
    """A policy, checked.

    Attributes:
        name: Stands in the header of a cassette.
        text: The file's, so that a cassette can keep it.
        fields: What a name says of a value, whatever it is in.
        inside_of: What a name says of all in it that no field names.
        values: What is looked for in text.
        routes: Paths of URLs whose parts have names as members of bodies have.

    """

    name: str
    text: str
    cookies: Names
    credentials: Names
    kept_headers: Names
    fields: list[tuple[Names, Rule]]
    inside_of: list[tuple[Names, Rule]]
    values: Values
    routes: tuple[re.Pattern[str], ...] = ()
    _root: Place = field(default_factory=lambda: Place("", NO_RULE))
    _places: int = 0

    def root(self) -> Place:
        """The outermost place."""
        if self._places >= _PLACES:
            self._root, self._places = Place("", NO_RULE), 0
        return self._root

    def inside(self, place: Place, name: str) -> Place:
        """The place of that name in another one, which remembers it."""
        found = place.inner.get(name)
        if found is None:
            path = f"{place.path}.{name}"[-_LONGEST:] if place.path else name[-_LONGEST:]
            found = Place(path, self._rule(path.lower(), place.rule))
            if self._places < _PLACES and len(name) <= _LONGEST:
                self._places += 1
                place.inner[name] = found
        return found

    def rule(self, name: str) -> Rule:
        """What goes for a value of that name."""
        return self.inside(self.root(), name).rule

    def _rule(self, path: str, around: Rule) -> Rule:
        for names, rule in (*self.fields, *self.inside_of):
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
        return parse(read_text(Path(source)), path=source)
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
    urls = top.table("urls", optional=True)
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
        inside_of=[(Names.of(inside.texts(kind.value, optional=True)), Rule(kind)) for kind in Kind],
        values=Values(tuple((pattern, kind) for kind in Kind for pattern in _patterns(values, kind.value))),
        routes=tuple(routes(urls, "routes", urls.texts("routes", optional=True))),
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
