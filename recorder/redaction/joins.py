"""Fit a policy to a dialect: the names of one value get one rule, so that redaction keeps what messages are joined by.

A request may call `destination` what its event calls `dnis`. If the policy named one of them alone, the request would
have the value and the event a pseudonym, and no rule of the dialect could join the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import chain

from ..dialect.carried import dialect_of
from ..dialect.definition import Dialect
from ..dialect.definition import shipped as shipped_dialect
from ..dialect.values import paths_in
from ..errors import CassetteError, DialectError, PolicyError
from ..model import Header
from .carried import policy_of
from .policy import DEFAULT, NO_BODIES, NO_RULE, Names, Policy, Rule, Values, load, shipped
from .policy import names as shipped_names
from .pseudonyms import Kind

_ORDER = (Kind.SECRET, Kind.PERSONAL, Kind.ID)  # the first of these counts where names differ
_JOINS = Rule(joins=True)


def of_cassette(header: Header, source: str | None = None, *, described: bool = False) -> Policy | None:
    """Return the policy a cassette was redacted by, None if the bodies in it were not redacted.

    Args:
        header: The header of the cassette, which names the policy and the dialect.
        source: Name or path of that policy; not needed for a shipped one.
        described: Take the policy that the cassette holds, if there is one. It comes with the cassette, so it can tell
            which values were replaced, but not which may stay: never set this to redact or to scan.

    Raises:
        CassetteError: If the policy in the cassette cannot be used.
        PolicyError: If the policy is not shipped and `source` is missing, or `source` is another policy.

    """
    name = header.redaction
    if name in NO_BODIES:
        return None
    own = policy_of(header) if described and not source else None
    policy = own or (load(source) if source else shipped(name))
    if policy.name != name:
        raise PolicyError(source or name, "name", f"is {policy.name!r}, but the cassette was redacted by {name!r}")
    if not described:
        return for_dialect(policy, header.fitted or header.dialect)
    if header.fitted:
        return for_dialect(policy, header.fitted)
    own_dialect = _held(header)
    return policy if own_dialect is None else fitted(policy, own_dialect)


def of_more(header: Header, source: str | None = None) -> Policy:
    """Return the policy to redact other records by that are to be compared with a cassette: its own if it is known.

    A policy that only the cassette has can tell what is to be replaced, but not what may stay.

    Args:
        header: The header of the cassette.
        source: Name or path of its policy; None takes the shipped one, or else the default made stricter by its own.

    Raises:
        PolicyError: If there is no such policy, or it has a mistake.

    """
    if source is not None:
        return load(source)
    if header.redaction in shipped_names():
        return load(header.redaction)
    own = policy_of(header)
    return load(DEFAULT) if own is None else stricter(load(DEFAULT), own)


def continued(policy: Policy, header: Header, dialect: Dialect | None = None) -> Policy:
    """Return a policy fitted to the records that a capture adds to a cassette: as for those before, or stricter.

    Args:
        policy: The policy.
        header: The header of the cassette.
        dialect: The dialect that the user named; None if the cassette goes on under its own.

    """
    if header.fitted or (dialect is not None and dialect.name != header.dialect):
        return for_dialect(policy, header.fitted or header.dialect)
    return for_cassette(policy, header, dialect)


def for_cassette(policy: Policy, header: Header, dialect: Dialect | None = None) -> Policy:
    """Return a policy fitted to a cassette that is redacted or searched.

    A dialect lets values stay by which it joins messages. One that only came with the cassette must not do that; it can
    add rules that replace values.

    Args:
        policy: The policy.
        header: The header of the cassette.
        dialect: The dialect that the user named; None takes the shipped one of the cassette's name, and the rules that
            the dialect in the cassette adds.

    """
    if dialect is not None:
        return fitted(policy, dialect)
    trusted, own = for_dialect(policy, header.dialect), _held(header)
    if own is None or header.dialect_text == "" or trusted is fitted(policy, own):
        return trusted
    replaced = {path: rule for path, rule in fitted(policy, own).exact.items() if rule.kind is not None}
    kept = {path: rule for path, rule in trusted.exact.items() if rule.kind is not None or path not in replaced}
    return replace(trusted, exact=replaced | kept)


def _held(header: Header) -> Dialect | None:
    """Return the dialect of a cassette, None if it is not known or cannot be used."""
    try:
        return dialect_of(header)
    except (CassetteError, DialectError):
        return None


def stricter(policy: Policy, other: Policy) -> Policy:
    """Return a policy that also replaces what another one replaces; what the other one keeps does not count.

    Headers that the other one does not name stay as they were only if it keeps them, too.
    """
    return replace(
        policy,
        cookies=policy.cookies | other.cookies,
        credentials=policy.credentials | other.credentials,
        kept_headers=Names.of(name for name in policy.kept_headers.globs if name in other.kept_headers),
        fields=[*_replacing(other.fields), *policy.fields],
        inside_of=[*_replacing(other.inside_of), *policy.inside_of],
        values=Values(tuple(dict.fromkeys(policy.values.patterns + other.values.patterns))),
        routes=tuple({route.pattern: route for route in (*policy.routes, *other.routes)}.values()),
    )


def _replacing(rules: Iterable[tuple[Names, Rule]]) -> list[tuple[Names, Rule]]:
    return [(names, rule) for names, rule in rules if rule.kind is not None]


def for_dialect(policy: Policy, name: str) -> Policy:
    """Return a policy fitted to a shipped dialect; unchanged if no such dialect is shipped."""
    try:
        return fitted(policy, shipped_dialect(name))
    except DialectError:
        return policy


@lru_cache(64)
def fitted(policy: Policy, dialect: Dialect) -> Policy:
    """Return a policy that treats all names of each key of a dialect alike.

    A name in `fields` decides for all; of several, a kind comes before `keep`, and `keep` before a kind that only the
    object around the value has. Values that no name decides are replaced by their form alone, and as secrets.
    """
    exact: dict[str, Rule] = {}
    for paths in _keys(dialect).values():
        own = [_path(path) for path in paths]
        rule = _rule(policy, own)
        for path in own:
            exact[path] = exact.get(path, rule) if rule is _JOINS else rule
    routes = (*policy.routes, *dialect.routes, *(one.route for one in dialect.operations.values() if one.route))
    unique = {route.pattern: route for route in routes}
    return replace(
        policy, exact=exact, routes=tuple(unique.values()), kept_headers=policy.kept_headers | _headers(policy, dialect)
    )


def _headers(policy: Policy, dialect: Dialect) -> Names:
    """Return the headers that hold keys of requests, but those whose name the policy lists."""
    paths = paths_in(chain.from_iterable(map(dialect.sources, dialect.key_names())))
    named = (path.removeprefix("header.") for path in paths if path.startswith("header."))
    return Names.of(name for name in named if policy.rule(name) == NO_RULE)


def _keys(dialect: Dialect) -> Mapping[str, set[str]]:
    return {key: set(dialect.places(key)) for key in {*dialect.key_names(), *dialect.event_keys}}


def _path(path: str) -> str:
    """Return a path of a dialect as places have it: from the root of the body, without indexes of arrays."""
    root, *names = path.split(".")
    own = names if root in ("body", "path", "query") else [root, *names]
    return ".".join(name for name in own if not re.fullmatch(r"\d+|\*", name)).lower()


def _rule(policy: Policy, paths: Iterable[str]) -> Rule:
    """Return the rule for all names of one key."""
    named = [_walked(policy, path) for path in paths]
    around = [_walked(policy, path, inside=True) for path in paths]
    for rules in (named, around):
        kinds = {rule.kind for rule in rules}
        kind = next((kind for kind in _ORDER if kind in kinds), None)
        if kind is not None:
            return Rule(kind)
        if any(rule.kept for rule in rules):
            return Rule(kept=True)
    return _JOINS


def _walked(policy: Policy, path: str, *, inside: bool = False) -> Rule:
    """Return what the lists of `fields` say of a path, or what the whole policy says of it."""
    lists = [*policy.fields, *policy.inside_of] if inside else policy.fields
    names, rule = path.split("."), NO_RULE
    for end in range(1, len(names) + 1):
        so_far = ".".join(names[:end])
        rule = next((own for known, own in lists if so_far in known), rule)
    return rule
