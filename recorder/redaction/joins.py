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

from ..dialect.definition import Dialect
from ..dialect.definition import shipped as shipped_dialect
from ..dialect.values import paths_in
from ..errors import DialectError, PolicyError
from ..model import Header
from .names import Names
from .policy import NO_BODIES, NO_RULE, Policy, Rule, load, shipped
from .pseudonyms import Kind

_ORDER = (Kind.SECRET, Kind.PERSONAL, Kind.ID)  # the first of these counts where names differ
_JOINS = Rule(joins=True)


def of_cassette(header: Header, source: str | None = None) -> Policy | None:
    """Return the policy a cassette was redacted by, None if the bodies in it were not redacted.

    Args:
        header: The header of the cassette, which names the policy and the dialect.
        source: Name or path of that policy; not needed for a shipped one.

    Raises:
        PolicyError: If the policy is not shipped and `source` is missing, or `source` is another policy.

    """
    name = header.redaction
    if name in NO_BODIES:
        return None
    policy = load(source) if source else shipped(name)
    if policy.name != name:
        raise PolicyError(source or name, "name", f"is {policy.name!r}, but the cassette was redacted by {name!r}")
    return for_dialect(policy, header.dialect)


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
