"""Read the requests of a recording as matching compares them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from sys import intern
from typing import NamedTuple

from ..bayeux.publishes import PUBLISH
from ..dialect.definition import Dialect
from ..dialect.paths import as_key
from ..model import Triple
from ..redaction.policy import Policy
from .bindings import LONG, first_run
from .remembered import Asked, Memory, media_for
from .request import FreshIds, Leaves, MintedId, ParsedRequest, RecordedRequest, RequestReader, Tried


class Read(NamedTuple):
    """A recorded request that was read.

    Attributes:
        entry: What each match compares of it; without what its headers show.
        operation: Name of its operation, by its text alone.
        tried: Which live requests are compared without its leaves; None if no leaf holds a remembered value.
    """

    entry: RecordedRequest
    operation: str | None
    tried: Tried | None


class RecordedReader:
    """Reads requests, recorded and live, of one recording.

    Attributes:
        requests: Reads HTTP requests.
        publishes: Reads Bayeux publishes.
    """

    def __init__(
        self, dialect: Dialect, policy: Policy | None = None, memory: Memory | None = None, most: int | None = None
    ) -> None:
        """Prepare to read.

        Args:
            dialect: Says where ids stand.
            policy: The policy that redacted the recording, if any did.
            memory: Knows the pseudonyms of the recording; None if no leaf of a request holds one.
            most: How many requests are remembered; None takes what suits live ones.
        """
        self._dialect, self._memory = dialect, memory
        self.requests = self.publishes = RequestReader(dialect, policy, most=most)
        if dialect.publishes:
            self.publishes = RequestReader(dialect, policy, "data", most)

    def of(self, method: str) -> RequestReader:
        """Return the reader of requests of a method."""
        return self.publishes if method == PUBLISH else self.requests

    def try_masks(self, tried: Iterable[Tried]) -> None:
        """Compare live requests without the leaves of these masks, too."""
        for one in tried:
            self.of(one.method).try_mask(one)
        for reader in (self.requests, self.publishes):
            reader.forget()

    def recorded(self, place: int, triple: Triple) -> Read:
        """Read the request of a triple or another exchange; `place` is its place among all of them."""
        sent, reader = triple.request, self.of(triple.request.method)
        media = media_for(sent.headers, sent.body)
        call, fresh = reader.read(sent.method, sent.target, sent.body, media, sent.headers)
        ids = tuple(self._minted(fresh, reader.keys_of(call)))
        by_text, remembered, tried = call.operation, None, None
        if self._memory is not None:
            target, content = reader.steady(sent.method, sent.target, sent.body, media)
            what = Asked(sent.method, target, content.body, content.media)
            remembered = self._memory.leaves(what, call.hidden, partial(reader.counts, call.operation))
            if remembered is not None:
                tried = reader.tried(remembered.mask, call, target)
                call = reader.without(remembered.mask, replace(call, leaves=Leaves(*what[1:])))
        its = call.own, call.hidden, call.lasting, ids, remembered
        operation = None if triple.operation is None else intern(triple.operation)  # there are few
        entry = RecordedRequest(place, triple.n, triple.session, operation, *its, key=call.key)
        return Read(entry, by_text, tried)

    def parsed(self, triple: Triple) -> ParsedRequest:
        """Parse the request of a triple or another exchange."""
        sent = triple.request
        media = media_for(sent.headers, sent.body)
        return self.of(sent.method).read(sent.method, sent.target, sent.body, media, sent.headers)[0]

    def _minted(self, fresh: FreshIds, keys: Iterable[str]) -> Iterator[MintedId]:
        for number, (key, value) in enumerate(zip(keys, fresh, strict=True)):
            text = as_key(value)
            if text is not None:
                bare = self._dialect.bare(key, text)
                yield MintedId(number, key, bare, value, first_run(bare) if len(bare) >= LONG else None)
