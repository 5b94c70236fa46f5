"""Find pseudonyms of a redacted cassette in the two sides of a failed assertion, and explain them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

from ..model import Event, Record, Recording, SocketMessage, Triple
from ..redaction.finder import Finder
from ..redaction.known import Known
from ..redaction.policy import Policy
from ..redaction.pseudonyms import Kind
from ..redaction.redactor import redacted

_MOST = 5_000  # triples that are looked through
_SHORTEST = 4  # characters of a pseudonym: a shorter text stands everywhere
_TOLD = 5  # pseudonyms in one section
_KINDS = {Kind.SECRET: "secret", Kind.PERSONAL: "personal", Kind.ID: "an id"}
_ADVICE = (
    "the cassette was redacted when it was recorded: compare with the pseudonym, or with what does not depend on the "
    "value, such as how many there are"
)


@dataclass(slots=True)
class _Seen:
    """A callback of a finder that keeps the values, and where each was seen first."""

    where: str = ""
    found: dict[str, tuple[Kind, str]] = field(default_factory=dict)

    def __call__(self, kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG002  # a `Replace`
        self.found.setdefault(value, (kind, self.where))
        return value


def explained(recording: Recording, policy: Policy, texts: Iterable[str]) -> str | None:
    """Return an explanation of the pseudonyms of a recording that stand in some texts; None if there is none.

    Args:
        recording: The recording of a redacted cassette.
        policy: The policy that it was redacted by.
        texts: What an assertion compared, and what it said.
    """
    said = "\n".join(texts)
    if not said:
        return None
    lines = []
    for value, (kind, where) in pseudonyms(recording, policy).items():
        if len(value) >= _SHORTEST and value in said and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", said):
            lines.append(f"`{value}` stands for a redacted value ({_KINDS[kind]}) of {where}")
    if not lines:
        return None
    more = [f"and {len(lines) - _TOLD} more"] * (len(lines) > _TOLD)
    return "\n".join([*lines[:_TOLD], *more, _ADVICE])


def pseudonyms(recording: Recording, policy: Policy) -> dict[str, tuple[Kind, str]]:
    """Return what stands where the policy replaces values: each with its kind, and where it was seen first."""
    seen = _Seen()
    finder = Finder(policy, seen, Known())
    for one in chain(islice(recording.triples, _MOST), islice(recording.plain, _MOST)):
        for seen.where, record in _records(one):
            redacted(record, finder)
    return seen.found


def _records(triple: Triple) -> Iterator[tuple[str, Record]]:
    """Yield the records of a triple that hold values: of a request, its ack and its events."""
    name = f"triple {triple.n}" if triple.n else f"{triple.request.method} {triple.request.target}"
    yield f"the request of {name}", triple.request
    if triple.ack is not None:
        yield f"the answer of {name}", triple.ack
    for link in triple.events:
        yield f"event {link.name} of {name}", _as_message(link.event)


def _as_message(event: Event) -> Record:
    body = event.raw if event.raw is not None else json.dumps(event.data).encode()
    return SocketMessage(event.seq, event.t, event.exchange, from_client=False, body=body, is_text=True)
