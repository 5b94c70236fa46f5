"""Prepare what recorded requests bring, when it is first needed: steps, answer, and the texts of events."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from ....dialect.definition import Dialect
from ....links.cookies import endless, ends, is_over
from ....links.rewriting import Links, Origin
from ....model import Event, Triple
from ....requests.recent import Recent
from ....requests.request import MintedId, RecordedRequest
from ..recorded_streams import RecordedStreams
from ..rewriting.dates import Dates
from ..rewriting.pushed import relinked
from ..rewriting.responses import PreparedResponse, prepare
from ..rewriting.rewriter import bare_values, keys_of_names
from ..rewriting.templates import Template, encode, template
from ..timeline import Step, steps

_REMEMBERED = 96 << 20  # bytes of triples that were prepared, by their estimated size
_OF_TRIPLE, _OF_STEP, _OF_BYTE = 2500, 2500, 12  # bytes of a prepared one, of each step, and of each byte that it holds
_ONE: Mapping[str, int] = MappingProxyType({})


class PreparedTriple(NamedTuple):
    """The responses and events to play after one recorded request.

    Attributes:
        steps: Its answer and events, in the order they leave.
        response: Its answer.
        then: Events that no operation caused and that followed it.

    """

    steps: tuple[Step, ...]
    response: PreparedResponse
    then: tuple[Step, ...]


class PreparedTriples:
    """The triples of one recording, by their places; those that name a recorded server, once for each origin."""

    def __init__(
        self,
        triples: Sequence[Triple],
        dialect: Dialect,
        links: Links,
        after: Callable[[int], tuple[Step, ...]] = lambda _: (),
        *,
        windows: Mapping[str, int] = _ONE,
        last_shown: Mapping[str, int] = MappingProxyType({}),
        dates: Dates | None = None,
        streams: RecordedStreams | None = None,
    ) -> None:
        """Prepare nothing yet.

        Args:
            triples: The triples, then the other exchanges.
            dialect: Knows the names under which values stand.
            links: Leads links to the recorded servers to the stand-in.
            after: Returns what follows unasked, by the place of the request before.
            windows: Numbers of the later windows of clients, by clientId.
            last_shown: `seq` of the last request that showed each cookie, as `name=value`.
            dates: Moves dates.
            streams: The streams of the recording.

        """
        self._windows, self._last_shown = windows, last_shown
        self._dates, self._protocols = dates, {} if streams is None else streams.protocols
        self._opening: Container[int] = () if streams is None else streams.at
        self._triples, self._dialect, self._links, self._after = triples, dialect, links, after
        self._bare = partial(bare_values, dialect, keys_of_names(dialect))
        self._prepared: Recent[int | tuple[int, Origin], PreparedTriple] = Recent(_REMEMBERED)

    def part(self, entry: RecordedRequest, origin: Origin) -> PreparedTriple:
        """Return what a recorded request brings to a client that reaches the stand-in at an origin."""
        made = self._prepared.get(entry.place) or self._prepared.get((entry.place, origin))
        if made is None:
            recorded, minted = self._triples[entry.place], entry.minted
            played, after = steps(recorded, entry.place, self._windows), self._after(entry.place)
            triple = self._with_kept_cookies(self._links.triple(recorded, origin))
            linked, then = self._linked(played, origin), self._linked(after, origin)
            response = prepare(triple, self._dialect, minted, self._dates, opens=entry.place in self._opening)
            made = PreparedTriple(self._with_texts(linked, minted), response, self._with_texts(then, ()))
            is_same = triple is recorded and linked is played and then is after
            self._prepared.put(entry.place if is_same else (entry.place, origin), made, _size(made))
        return made

    def _with_kept_cookies(self, triple: Triple) -> Triple:
        """Return a triple whose cookies were not over when they were set, if the recorded client showed them later.

        Then its clock, or that of its server, was another one than the recorder's, or nobody looked at the day.
        """
        ack = triple.ack
        if ack is None or self._dates is None or not any(name.lower() == "set-cookie" for name, _ in ack.headers):
            return triple
        at = self._dates.recorded(ack.t)

        def kept(value: str) -> str:
            pair, *attributes = value.split(";")
            is_shown = is_over(attributes, at) and self._last_shown.get(pair.strip(), -1) > ack.seq
            return ";".join([pair, *endless(attributes)]) if is_shown and ends(attributes) else value

        headers = tuple((name, kept(value) if name.lower() == "set-cookie" else value) for name, value in ack.headers)
        return triple if headers == ack.headers else replace(triple, ack=replace(ack, headers=headers))

    def with_texts(self, some: Iterable[Step], origin: Origin) -> tuple[Step, ...]:
        """Return steps that no operation caused, with the texts of their events for a client that shows an origin."""
        return self._with_texts(self._linked(tuple(some), origin), ())

    def _linked(self, some: tuple[Step, ...], origin: Origin) -> tuple[Step, ...]:
        """Return the steps with their links rewritten; the same object where there are none."""
        linked = tuple(self._links_of(step, origin) for step in some)
        return linked if any(new is not old for new, old in zip(linked, some, strict=True)) else some

    def _links_of(self, step: Step, origin: Origin) -> Step:
        event = None if step.event is None else self._links.event(step.event, origin)
        said = None if step.said is None else self._links.reply(step.said, origin)
        if event is step.event and said is step.said:
            return step
        if event is not None and step.event is not None and event.raw is not None:
            event = relinked(event, step.event, self._protocols[event.client_id])
        return replace(step, event=event, said=said)

    def _with_texts(self, some: tuple[Step, ...], minted: Sequence[MintedId]) -> tuple[Step, ...]:
        return tuple(
            step
            if step.event is None or step.text is not None
            else replace(step, text=self.text(step.event, minted), beside=self.beside(step.event, minted))
            for step in some
        )

    def text(self, event: Event, minted: Sequence[MintedId] | None = None) -> Template:
        """Return the Bayeux message of an event as JSON, with holes for the values of a client.

        Of an event in a stream it is the data alone.
        """
        if event.client_id in self._protocols:
            return template(event.data, self._bare, minted=minted)
        frame = '{"data":', f',"channel":{encode(event.channel)}}}'
        return template(event.data, self._bare, frame, minted)

    def beside(self, event: Event, minted: Sequence[MintedId] | None = None) -> Template | None:
        """Return the other members of the Bayeux message of an event as JSON, None where there are none."""
        if not event.beside or event.client_id in self._protocols:
            return None
        return template(event.beside, self._bare, minted=minted)


def _size(made: PreparedTriple) -> int:
    """Return about how many bytes a prepared triple takes: texts are kept whole, in pieces, and as their runs."""
    texts = (piece for step in (*made.steps, *made.then) if step.text is not None for piece in step.text.pieces)
    steps = len(made.steps) + len(made.then)
    return _OF_TRIPLE + _OF_STEP * steps + _OF_BYTE * (len(made.response.body) + sum(map(len, texts)))
