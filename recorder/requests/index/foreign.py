"""Find the links that lead out of a replay: to hosts outside the recording, and in bodies that are no text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import msgspec

from ...bayeux.messages import value_text
from ...formats.streamed import EVENTS, streamed_media
from ...links.following import is_followed, leads
from ...links.rewriting import Links, has_mark, links, may_link
from ...links.text_bodies import decoded
from ...model import JSON, Headers, Response
from ..recent import Recent

_MOST_TOLD = 10  # hosts
_HEADERS = 1_000  # of answers that were looked at lately


@dataclass(slots=True)
class Foreign:
    """The hosts that links lead to, with the answers and events that do.

    Attributes:
        unknown: Hosts, by links that can be rewritten; of a whole recording, those that are not in the recording.
        fixed: Servers, by links in binary bodies, where nothing can be rewritten; of a whole recording, those that
            were recorded.
    """

    unknown: Counter[str] = field(default_factory=Counter)
    fixed: Counter[str] = field(default_factory=Counter)
    _led: Recent[Headers, set[str]] = field(
        default_factory=partial(Recent, _HEADERS), init=False, repr=False, compare=False
    )

    def answer(self, answer: Response) -> None:
        """Count the hosts that an answer leads to."""
        found = self._led.get(answer.headers)
        if found is None:  # most headers come again
            found = {host for name, value in answer.headers if leads(name) for host in _followed(value)}
            self._led.put(answer.headers, found)
        if may_link(answer.body) and streamed_media(answer.headers) != EVENTS:  # events are counted one by one
            body = decoded(answer.body, answer.headers)
            if body is None:
                its = [link for link in links(answer.body.decode("latin-1")) if link.scheme is not None]
                self.fixed.update({str(link.server) for link in its})
            else:
                found = found | _followed(body.text)
        if found:
            self.unknown.update(found)

    def told(self, data: JSON, beside: JSON) -> None:
        """Count the hosts that an event or a reply leads to, by its data and its other members."""
        if _may_lead(data if beside is None else (data, beside)):
            self.unknown.update(_followed(f'{{"told":[{value_text(data)},{value_text(beside)}]}}'))

    def outside(self, known: Links) -> Foreign:
        """Return the hosts that a replay of a recording cannot answer for; `known` are those of the recording."""
        own = set(map(str, known.known))
        unknown = Counter({host: count for host, count in self.unknown.items() if host not in own})
        return Foreign(unknown, Counter({host: count for host, count in self.fixed.items() if host in own}))

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


def _may_lead(told: object) -> bool:
    """Return whether the text of JSON values may hold a link: few do, and msgspec writes it in a third of the time."""
    try:
        return has_mark(msgspec.json.encode(told))
    except (OverflowError, UnicodeEncodeError, msgspec.MsgspecError):  # it does not write all that Python reads
        return True


def _followed(text: str) -> set[str]:
    return {str(link.server) for link in links(text) if is_followed(text, link)}


def _listed(hosts: Counter[str]) -> str:
    first = sorted(hosts.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{host} ({count} {'answer' if count == 1 else 'answers'})" for host, count in first[:_MOST_TOLD]]
    more = len(first) - _MOST_TOLD
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
