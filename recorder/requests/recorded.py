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
from ..model import Request, Triple
from ..redaction.policy import Policy
from .bindings import LONG, first_run
from .known import FreshIds
from .remembered import Asked, Memory, Remembered, media_for
from .request import Leaves, MintedId, ParsedRequest, RecordedRequest, RequestReader, Tried


class Read(NamedTuple):
    """A recorded request that was read.

    Attributes:
        request: What is compared of it: without the leaves that hold remembered values.
        fresh: Its per-operation ids.
        operation: Name of its operation, by its text alone.
        remembered: Its leaves that hold remembered values; None if none does.
        tried: Which live requests are compared without these leaves.
    """

    request: ParsedRequest
    fresh: FreshIds
    operation: str | None
    remembered: Remembered | None
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

    def recorded(self, place: int, triple: Triple) -> RecordedRequest:
        """Read what each match compares of the request of a triple or another exchange, but for what its headers show.

        Args:
            place: Its place among all of them.
            triple: It.
        """
        read = self.read(triple.request)
        keys = self.of(triple.request.method).keys_of(read.request)
        call, operation = read.request, None if triple.operation is None else intern(triple.operation)  # there are few
        its = call.own, call.hidden, call.lasting, tuple(self._minted(read.fresh, keys)), read.remembered
        return RecordedRequest(place, triple.n, triple.session, operation, *its, key=call.key)

    def read(self, sent: Request) -> Read:
        """Read a recorded request."""
        reader, media = self.of(sent.method), media_for(sent.headers, sent.body)
        call, fresh = reader.read(sent.method, sent.target, sent.body, media, sent.headers)
        memory, operation, place = self._memory, call.operation, (sent.method == PUBLISH, sent.target)
        if memory is None or memory.is_free(place, reader.common):
            return Read(call, fresh, operation, None, None)
        target, content = reader.steady(sent.method, sent.target, sent.body, media)
        what = Asked(sent.method, target, content.body, content.media)
        remembered = memory.leaves(what, call.hidden, partial(reader.counts, operation))
        if remembered is None:
            memory.note_free(place, reader.common)
            return Read(call, fresh, operation, None, None)
        tried = reader.tried(remembered.mask, call, target)
        rest = reader.without(remembered.mask, replace(call, leaves=Leaves(*what[1:])))
        return Read(rest, fresh, operation, remembered, tried)

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
