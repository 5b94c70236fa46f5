"""Find the links that lead out of a replay: to hosts outside the recording, and in bodies that are no text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ....formats.streamed import EVENTS, streamed_media
from ....links.following import is_followed, leads
from ....links.rewriting import Links, links, may_link
from ....links.text_bodies import decoded
from ....model import Recording, Response
from .templates import encode

_MOST_TOLD = 10  # hosts


@dataclass(slots=True)
class Foreign:
    """The hosts that links lead to although the replay cannot answer for them, with the answers and events that do.

    Attributes:
        unknown: Hosts that are not in the recording.
        fixed: Recorded servers that stand in binary bodies, where nothing can be rewritten.
    """

    unknown: Counter[str] = field(default_factory=Counter)
    fixed: Counter[str] = field(default_factory=Counter)

    def lines(self) -> Iterator[str]:
        """Yield warnings for the start of a replay, one line each; none where no link leads out of it."""
        if self.unknown:
            yield (
                f"links to hosts that are not in the recording: {_listed(self.unknown)}; "
                "a client that follows them leaves the replay"
            )
        if self.fixed:
            yield (
                f"links to recorded servers in binary bodies, which cannot be rewritten: {_listed(self.fixed)}; "
                "a client that follows them leaves the replay"
            )


def foreign(recording: Recording, known: Links) -> Foreign:
    """Find the hosts outside a recording that its answers, events and replies name."""
    found = Foreign()
    for triple in (*recording.triples, *recording.plain):
        if triple.ack is not None:
            _count(found, triple.ack, known)
    events = [link.event for triple in recording.triples for link in triple.events]
    events += [pushed.event for pushed in recording.unsolicited]
    said = [[event.data, event.beside] for event in events]
    said += [[reply.message, reply.pushed] for reply in recording.replies]
    for value in said:
        found.unknown.update(_unknown(encode(value), known))
    return found


def _count(found: Foreign, answer: Response, known: Links) -> None:
    """Count the hosts that an answer leads to."""
    texts = [value for name, value in answer.headers if leads(name)]
    if may_link(answer.body) and streamed_media(answer.headers) != EVENTS:  # events are counted one by one
        body = decoded(answer.body, answer.headers)
        if body is None:
            its = [link for link in links(answer.body.decode("latin-1")) if link.scheme is not None]
            found.fixed.update({str(link.server) for link in its if link.server in known.known})
        else:
            texts.append(body.text)
    found.unknown.update({host for text in texts for host in _unknown(text, known)})


def _unknown(text: str, known: Links) -> set[str]:
    return {str(link.server) for link in links(text) if link.server not in known.known and is_followed(text, link)}


def _listed(hosts: Counter[str]) -> str:
    first = sorted(hosts.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{host} ({count} {'answer' if count == 1 else 'answers'})" for host, count in first[:_MOST_TOLD]]
    more = len(first) - _MOST_TOLD
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
