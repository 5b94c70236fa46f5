"""Redact a record with a large body apart from all others, and tell what was learnt from it.

A body of 16 MiB takes ten seconds. So a front has it redacted elsewhere, in a process or a thread, while the records of
other clients go on. Pseudonyms need no table, so all that a redactor must know of earlier records are the values that
they named; it gets these with the record, and its own are given back.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TypeAlias, cast

from ...bayeux.hosts import redirected
from ...model import Chunk, Request, Response
from ...redaction.bodies.change import Unread
from ...redaction.bodies.prefix import readable
from ...redaction.policy import Policy
from ...redaction.pseudonyms import Kind
from ...redaction.redactor import Redactor
from .glimpse import Bodied, glimpse

Values: TypeAlias = tuple[tuple[str, Kind], ...]


@dataclass(frozen=True, slots=True)
class Job:
    """A record to redact.

    Attributes:
        record: The record; its number and time are not looked at.
        is_cut: Whether its body is the beginning of one.
        media: For a chunk: the media type of the streamed response.
        values: The values known so far, the least recently seen first.
        host: Nothing is redacted, but the hosts in the advice of Bayeux messages are replaced by this one; None to
            redact the record.

    """

    record: Bodied
    is_cut: bool = False
    media: str = ""
    values: Values = ()
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A redacted record.

    Attributes:
        record: The record redacted.
        seen: The same for those who watch a capture: of the body only its Bayeux messages, as far as there is room.
        lacks: Why its body is not kept; None if it is.
        values: The values that it named, which were not known.
        unlooked: The bodies in it that no reader looked through.
        dropped: Media types of what is not kept of its body.

    """

    record: Bodied
    seen: Bodied
    lacks: str | None = None
    values: Values = ()
    unlooked: Counter[tuple[str, Unread]] = field(default_factory=Counter)
    dropped: tuple[str, ...] = ()


def done(job: Job, policy: Policy | None, key: bytes) -> Done:
    """Redact a record by a policy, with the pseudonyms of a key; without a policy all of it is kept in the clear.

    A job with a host is no redaction.
    """
    if job.host is not None:
        return _led(job.record, job.host)
    if policy is None:
        return Done(job.record, glimpse(job.record))
    redactor = Redactor(policy, key)
    redactor.learn(job.values)
    record, body = job.record, job.record.body
    if job.is_cut:
        headers = record.headers if isinstance(record, Request | Response) else ()
        record = replace(record, body=readable(body, headers, job.media))
    kept = redactor.redact_chunk(record, job.media) if isinstance(record, Chunk) else redactor.redact(record)
    kept = cast("Bodied", kept)  # redaction keeps the type of a record
    before = dict(job.values)
    learnt = tuple((value, kind) for value, kind in redactor.values if value not in before)
    return Done(kept, glimpse(kept), None, learnt, redactor.unlooked, redactor.dropped)


def _led(record: Bodied, host: str) -> Done:
    headers = record.headers if isinstance(record, Request | Response) else ()
    changed = redirected(record.body, host, headers) or record.body
    return Done(replace(record, body=changed), replace(record, body=b""))


def without_body(job: Job, policy: Policy | None, key: bytes, lacks: str) -> Done:
    """Redact a record without its body; `lacks` says why."""
    job = replace(job, host=None)
    return replace(done(replace(job, record=replace(job.record, body=b"")), policy, key), lacks=lacks)
