"""Choose the dialect and the policy by which two recordings are compared."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ..dialect.carried import are_same, dialect_of
from ..dialect.definition import Dialect
from ..errors import UsageError
from ..model import Header
from ..redaction.joins import of_cassette
from ..redaction.policy import NO_BODIES, Policy


def dialect_for(old: Header, new: Header, ids: Collection[str] = ()) -> Dialect:
    """Return the dialect of two recordings, with more keys whose values may differ.

    Args:
        old: Header of the one.
        new: Header of the other.
        ids: The keys, each of the dialect.

    Raises:
        UsageError: If their dialects differ, or a key is none of the dialect.
    """
    if not are_same(old, new):
        names = sorted({old.dialect, new.dialect})
        which = " and ".join(names) if len(names) > 1 else f"two that are called {names[0]}"
        raise UsageError(f"the cassettes have different dialects, {which}; choose one with --dialect")
    dialect = dialect_of(old)
    known = {*dialect.key_names(), *dialect.event_keys}
    for key in ids:
        if key not in known:
            raise UsageError(f"--id {key}: the dialect has no such key; its keys are {', '.join(sorted(known))}")
    return replace(dialect, minted=(*dialect.minted, *(key for key in ids if key not in dialect.minted)))


def policy_for(old: Header, new: Header, source: str | None = None) -> Policy | None:
    """Return the policy that two recordings were redacted by; None for recordings in the clear.

    Args:
        old: Header of the one.
        new: Header of the other.
        source: The policy, where it is not a shipped one.

    Raises:
        UsageError: If they were redacted by different policies.
        PolicyError: If the policy cannot be used.
    """
    headers = {header.redaction: header for header in (old, new) if header.redaction not in NO_BODIES}
    if len(headers) > 1:
        both = " and ".join(sorted(headers))
        raise UsageError(f"the cassettes were redacted by different policies, {both}; redact both by one first")
    return of_cassette(next(iter(headers.values())), source, described=True) if headers else None
