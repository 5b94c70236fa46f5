"""Read and check a redaction policy: which values must not be kept. `gws.toml` explains the fields.

A policy may begin from a shipped one (`extends`). Its own lists then decide before the lists of that base; within one
policy a name with more dotted parts decides before a name with fewer, and then the first list.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import translate
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ..dialect.mistakes.words import near
from ..dialect.routes import routes
from ..dialect.tables import Table, finish, read
from ..errors import PolicyError
from ..files import read_text
from ..patterns import AtRuns, Unbounded, compiled
from .bodies.json_shapes import Shapes
from .pseudonyms import Kind, Span

DEFAULT = "gws"
NO_POLICY = "none"  # in the header of a cassette that holds everything in the clear
NO_BODIES = {NO_POLICY, "headers-1"}  # headers-1: in cassettes recorded before policies existed; headers only
_PLACES = 20_000  # cached places; a limit, because the names in a body come from outside
_DEEPEST = 100  # names of nested values in one name
# Patterns that shipped policies had, and what they have instead: cassettes hold the former ones. A search by the first
# took quadratic time in `token:token:…`.
_NAMES_OF_TOKENS = "(?:[Tt]oken|TOKEN|[Ss]ecret|SESSIONID|[Aa]pi[_-]?[Kk]ey)[\"']?: ?[\"']?"
FORMER = {
    rf"""{_NAMES_OF_TOKENS}(?=[^\s\d"',;<>&]*\d)([^\s"',;<>&]{{6,}})""": (
        rf"""{_NAMES_OF_TOKENS}(?=[^\s\d"',;<>&]{{0,199}}+[^\s"',;<>&])([^\s"',;<>&]{{6,}})"""
    ),
}
# A header that names an event by the `id` that its stream gave it. Streams keep their ids, so it is treated as their
# text is, by any policy: else it would name another event, by chance that of another stream.
_LAST_EVENT = "last-event-id"
_LONGEST = 400  # characters of a path, cut at the front: rules compare its last names


@dataclass(frozen=True, slots=True)
class _Globs:
    """Names with wildcards: by how they are compared, for an ordinary search is faster than a pattern of them all."""

    whole: frozenset[str]
    starts: tuple[str, ...]
    ends: tuple[str, ...]
    inner: tuple[str, ...]
    other: re.Pattern[str] | None

    @classmethod
    def of(cls, globs: Iterable[str]) -> _Globs:
        """Sort names by where their wildcards are."""
        whole, starts, ends, inner, other = (set[str]() for _ in range(5))
        for glob in globs:
            bare = glob.strip("*")
            if not bare or re.search(r"[*?\[]", bare):
                other.add(translate(glob))
            elif glob == bare:
                whole.add(glob)
            elif glob == f"{bare}*":
                starts.add(bare)
            elif glob == f"*{bare}":
                ends.add(bare)
            else:
                inner.add(bare)
        pattern = re.compile("|".join(sorted(other)), re.DOTALL) if other else None
        return cls(frozenset(whole), tuple(starts), tuple(ends), tuple(inner), pattern)

    def fit(self, name: str) -> bool:
        """Return whether one of the names fits."""
        return (
            name in self.whole
            or name.startswith(self.starts)
            or name.endswith(self.ends)
            or any(part in name for part in self.inner)
            or (self.other is not None and self.other.fullmatch(name) is not None)
        )


@dataclass(frozen=True, slots=True)
class Names:
    """A list of names with wildcards, compared without regard to case.

    Attributes:
        globs: The names, in small letters.

    """

    globs: frozenset[str]
    _by_parts: tuple[tuple[int, _Globs], ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """Prepare a list of names; a name with n dotted parts is compared with the last n names of a path."""
        globs = frozenset(name.lower() for name in names)
        by_parts: dict[int, list[str]] = {}
        for glob in globs:
            by_parts.setdefault(glob.count(".") + 1, []).append(glob)
        return cls(globs, tuple((parts, _Globs.of(own)) for parts, own in sorted(by_parts.items())))

    def __contains__(self, path: str) -> bool:
        """Return whether a path, in small letters, ends in one of the names."""
        for parts, globs in self._by_parts:
            end = path.rpartition(".")[2] if parts == 1 else ".".join(path.rsplit(".", parts)[-parts:])
            if globs.fit(end):
                return True
        return False

    def __or__(self, other: Names) -> Names:
        """Return the names of both lists."""
        return Names.of(self.globs | other.globs)


@dataclass(frozen=True, slots=True)
class Rule:
    """The treatment of the values at one place, by a policy.

    Attributes:
        kind: Kind of the values, to be replaced; None if the policy does not name the place.
        kept: Whether the values stay as they are.
        joins: Whether a dialect joins messages by these values, and no rule names them: then they are the same in all
            messages, so a value is not replaced because another message named it, unless it is a secret.

    """

    kind: Kind | None = None
    kept: bool = False
    joins: bool = False


NO_RULE, SECRET = Rule(), Rule(Kind.SECRET)


@dataclass(frozen=True, slots=True)
class Values:
    """Patterns of values in text.

    The patterns are not joined to one: `re` searches quickly for a single pattern that begins with a literal.

    Attributes:
        patterns: Each pattern with the kind of value it finds. Where a pattern has a group, the group is the value.

    """

    patterns: tuple[tuple[re.Pattern[str] | AtRuns, Kind], ...]

    def spans(self, text: str) -> list[Span]:
        """Return where values occur in a text; the spans may overlap."""
        return [
            (*found.span(pattern.groups), kind) for pattern, kind in self.patterns for found in pattern.finditer(text)
        ]


@dataclass(frozen=True, slots=True)
class SignIn:
    """The parameters that are secret in a query or form of a sign-in, and mean other things elsewhere.

    Attributes:
        secret: Names of these parameters, such as `code` and `state` of OAuth 2.0; in small letters.
        beside: Names of other parameters of a sign-in, in small letters.
        paths: Patterns of URL paths of a sign-in.

    """

    secret: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    paths: tuple[re.Pattern[str], ...] = ()

    def covers(self, names: Collection[str], path: str) -> bool:
        """Return whether a query or form is of a sign-in: by its path, or by two of these names in it."""
        if self.secret.isdisjoint(names):
            return False
        return len((self.secret | self.beside).intersection(names)) > 1 or any(p.fullmatch(path) for p in self.paths)


@dataclass(slots=True, eq=False)
class Place:
    """A place in a document, such as a member of a JSON object, with the rule for the values there.

    Attributes:
        path: The names from the outermost to this one, joined by dots; at most the last 400 characters, because a
            body from outside may be nested without end.
        rule: What the policy says of the values there.
        inner: The places inside this one seen so far, by name.

    """

    path: str
    rule: Rule
    inner: dict[str, Place] = field(default_factory=dict)


KEPT = Place("", Rule(kept=True))  # of a text that is a name, wherever it stands
_NAMES = re.compile(r"[\[\].]+")  # between names of nested values in the name of a form field: user[name], user.name


@dataclass(slots=True, eq=False)
class Policy:
    """A policy, checked.

    Attributes:
        name: The name written into the header of a cassette.
        text: Text of the policy file.
        cookies: Headers that hold cookies.
        credentials: Headers that hold a scheme and a secret.
        kept_headers: Headers whose values stay as they are.
        fields: Rules for values by their name, wherever they stand.
        inside_of: Rules for objects by their name: for all values inside that no rule in `fields` names.
        values: Patterns of values to look for in text.
        sign_in: Parameters that are secret in the queries and forms of a sign-in alone.
        routes: URL paths with named parts; the rules for names apply to these parts.
        kept_bodies: Media types of the bodies that are kept although no reader looks through them.
        exact: Rules for whole paths from the root of a body, in small letters; they come before all others.

    """

    name: str
    text: str
    cookies: Names
    credentials: Names
    kept_headers: Names
    fields: list[tuple[Names, Rule]]
    inside_of: list[tuple[Names, Rule]]
    values: Values
    sign_in: SignIn = SignIn()
    routes: tuple[re.Pattern[str], ...] = ()
    kept_bodies: re.Pattern[str] = field(default_factory=lambda: _any_of(()))
    exact: Mapping[str, Rule] = field(default_factory=dict)
    _root: Place = field(init=False)
    _places: int = field(init=False, default=0)
    _named: Names = field(init=False)  # of all lists
    shapes: Shapes = field(init=False)

    def __post_init__(self) -> None:
        self._root, self.shapes = Place("", NO_RULE), Shapes()
        globs = (names.globs for names, _ in (*self.fields, *self.inside_of))
        self._named = Names.of(frozenset().union(*globs))

    @classmethod
    def load(cls, source: str = DEFAULT) -> Policy:
        """Read a shipped policy by name, or a TOML file by path.

        Raises:
            PolicyError: If there is no such policy, or it has a mistake.

        """
        return load(source)

    def root(self) -> Place:
        """Return the outermost place of a document; start a new cache of places once it is full."""
        if self._places >= _PLACES:
            self._root, self._places = Place("", NO_RULE), 0
        return self._root

    def inside(self, place: Place, name: str) -> Place:
        """Return the place called `name` inside another place, which caches it."""
        found = place.inner.get(name)
        if found is None:
            path = f"{place.path}.{name}"[-_LONGEST:] if place.path else name[-_LONGEST:]
            found = Place(path, self._rule(path.lower(), place.rule))
            if self._places < _PLACES and len(name) <= _LONGEST:
                self._places += 1
                place.inner[name] = found
        return found

    def walk(self, place: Place, names: str) -> Place:
        """Return the place that names of nested values lead to, as form fields have them: user[name], user.name."""
        if names.isalnum() or not _NAMES.search(names):
            return self.inside(place, names)
        for part in [part for part in _NAMES.split(names) if part][:_DEEPEST]:
            place = self.inside(place, part)
        return place

    def rule(self, name: str) -> Rule:
        """Return what the policy says of a value called `name` at the outermost level."""
        return self.walk(self.root(), name).rule

    def parameters(self, names: Collection[str], path: str = "") -> Callable[[str], Rule]:
        """Return the function that gives the rule for each parameter of one query or form by its name.

        Args:
            names: The names of all its parameters.
            path: The path of the URL; "" if it is not known.

        """
        if not self.sign_in.covers([name.lower() for name in names], path.lower()):
            return self.rule
        return lambda name: SECRET if name.lower() in self.sign_in.secret else self.rule(name)

    def _rule(self, path: str, around: Rule) -> Rule:
        exact = self.exact.get(path)
        if exact is not None:
            return exact
        if path in self._named:  # most names are in no list
            for names, rule in (*self.fields, *self.inside_of):
                if path in names:
                    return rule
        return around


def load(source: str = DEFAULT) -> Policy:
    """Read a shipped policy by its name, or a policy file by its path.

    Raises:
        PolicyError: If no such policy is shipped, the file cannot be read, or the policy has a mistake.

    """
    if re.fullmatch(r"[\w-]+", source):
        return shipped(source)
    try:
        return parse(read_text(Path(source)), path=source)
    except (OSError, UnicodeDecodeError) as exc:
        raise PolicyError(source, "file", f"cannot be read: {exc}") from exc


@cache
def without_rules() -> Policy:
    """Return a policy that names nothing, for readers that only look."""
    nothing = Names.of(())
    return Policy("none", "", nothing, nothing, nothing, [], [], Values(()), kept_bodies=_any_of(("*",)))


def names() -> list[str]:
    """Return the names of the shipped policies, sorted."""
    found = (entry.name for entry in files(__package__).iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


def _listed() -> str:
    return ", ".join(map(repr, names()))


@cache
def shipped(name: str) -> Policy:
    """Read a shipped policy by its name.

    Raises:
        PolicyError: If there is no such policy.

    """
    resource = _resource(name)
    if not re.fullmatch(r"[\w-]{1,64}", name) or not resource.is_file():
        like = near(name, names())
        meant = f"did you mean {like!r}?" if like else f"there are {_listed()}, or give a TOML file"
        raise PolicyError(name[:80], "name", f"no such policy is shipped; {meant}")
    return parse(resource.read_text(encoding="utf-8"), path=f"{name}.toml", is_shipped=True)


def _resource(name: str) -> Traversable:
    return files(__package__).joinpath(f"{name}.toml")


def parse(text: str, *, path: str, is_shipped: bool = False) -> Policy:
    """Parse and check the text of a policy.

    Args:
        text: The policy as TOML.
        path: Name of the file, for error messages.
        is_shipped: The policy is one of ours, whose patterns are known to take linear time.

    Raises:
        PolicyError: With the file, the line and the key of the first mistake; `problems` lists all mistakes.

    """
    top = read(text, path, PolicyError)
    base, extends = _base(top), "extends" in top
    headers, fields = (top.table(key, optional=extends) for key in ("headers", "fields"))
    inside, values = top.table("inside", optional=True), top.table("values", optional=True)
    urls, bodies = top.table("urls", optional=True), top.table("bodies", optional=True)
    sign_in = top.table("sign_in", optional=True)
    policy = Policy(
        name=top.text("name"),
        text=text,
        cookies=Names.of(headers.texts("cookies", optional=True)),
        credentials=Names.of(headers.texts("credentials", optional=True)),
        kept_headers=Names.of((*headers.texts("keep", optional=extends), _LAST_EVENT)),
        fields=list(_rules(fields, keep=True)),
        inside_of=list(_rules(inside, keep=False)),
        values=Values(
            tuple((pattern, kind) for kind in Kind for pattern in _patterns(values, kind.value, is_shipped=is_shipped))
        ),
        sign_in=SignIn(
            secret=frozenset(map(str.lower, sign_in.texts("secret", optional=True))),
            beside=frozenset(map(str.lower, sign_in.texts("beside", optional=True))),
            paths=tuple(re.compile(translate(glob.lower())) for glob in sign_in.texts("paths", optional=True)),
        ),
        routes=tuple(routes(urls, "routes", urls.texts("routes", optional=True))),
        kept_bodies=_any_of(bodies.texts("keep", optional=True)),
    )
    if (policy.name and not re.fullmatch(r"[\w-]{1,64}", policy.name)) or policy.name == "none":
        top.wrong("name", "must have 1 to 64 letters, digits, hyphens and underscores, and must not be 'none'")
    if base is not None and policy.name == base.name:
        top.wrong("name", f"must not be {policy.name!r}, the name of the policy that this one extends")
    finish(top)
    return policy if base is None else _extended(policy, base)


def _base(top: Table) -> Policy | None:
    """Return the shipped policy that a policy extends, None if it extends none or a mistake was reported."""
    name = top.text("extends", default="")
    if "extends" not in top:
        return None
    if name not in names():
        top.wrong("extends", f"no policy {name!r} is shipped; there are {_listed()}")
        return None
    return shipped(name)


def _extended(policy: Policy, base: Policy) -> Policy:
    """Return a policy with the lists of its base after its own; the first list that has a rule for a name decides."""
    return replace(
        policy,
        cookies=policy.cookies | base.cookies,
        credentials=policy.credentials | base.credentials,
        kept_headers=policy.kept_headers | base.kept_headers,
        fields=[*policy.fields, *base.fields],
        inside_of=[*policy.inside_of, *base.inside_of],
        values=Values(policy.values.patterns + base.values.patterns),
        sign_in=SignIn(
            policy.sign_in.secret | base.sign_in.secret,
            policy.sign_in.beside | base.sign_in.beside,
            policy.sign_in.paths + base.sign_in.paths,
        ),
        routes=policy.routes + base.routes,
        kept_bodies=re.compile(f"{policy.kept_bodies.pattern}|{base.kept_bodies.pattern}", re.IGNORECASE),
    )


def _rules(table: Table, *, keep: bool) -> Iterator[tuple[Names, Rule]]:
    """Yield the names of each list of a table with their rule: names with more dotted parts first, then by list."""
    listed = [(table.texts(kind.value, optional=True), Rule(kind)) for kind in Kind]
    if keep:
        listed.append((table.texts("keep", optional=True), Rule(kept=True)))
    for parts in sorted({name.count(".") for globs, _ in listed for name in globs}, reverse=True):
        yield from ((Names.of(name for name in globs if name.count(".") == parts), rule) for globs, rule in listed)


def _any_of(globs: Iterable[str]) -> re.Pattern[str]:
    """Compile names with wildcards to one pattern that does not regard case; without names it matches nothing."""
    return re.compile("|".join(map(translate, globs)) or "(?!)", re.IGNORECASE)


def _patterns(table: Table, key: str, *, is_shipped: bool) -> list[re.Pattern[str] | AtRuns]:
    found: list[re.Pattern[str] | AtRuns] = []
    for text in table.texts(key, optional=True):
        try:
            pattern = re.compile(FORMER.get(text, text))
        except (re.error, OverflowError, RecursionError) as exc:
            table.wrong(key, f"{text!r} is not a regular expression: {exc}")
            continue
        if pattern.groups > 1 or pattern.groupindex or pattern.flags & ~re.UNICODE:
            table.wrong(key, f"{text!r} must not have flags, a group name or a second group")
            continue
        try:
            # tests hold the shipped ones to linear time, which no general check sees in all of them
            checked = pattern if is_shipped or text in shipped_patterns() else compiled(text)
        except Unbounded as exc:
            table.wrong(key, f"{text!r} could take minutes on a hostile text: it {exc}", item=text)
            continue
        if pattern.fullmatch(""):  # after the check: of `(?:|){30}x` this would take minutes, too
            table.wrong(key, f"{text!r} must not match an empty text")
            continue
        found.append(checked)
    return found


@cache
def shipped_patterns() -> frozenset[str]:
    """Return the patterns of values that shipped policies have, or had."""
    tables = (tomllib.loads(_resource(name).read_text(encoding="utf-8")).get("values", {}) for name in names())
    return frozenset(pattern for values in tables for patterns in values.values() for pattern in patterns) | {*FORMER}
