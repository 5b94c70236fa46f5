"""How the answer and the events of one operation are worded for its client.

Most texts are the recorded ones with the ids of the operation in known places: those are filled in. All else is
rewritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..dialect.definition import Dialect, as_key
from ..model import JSON
from .bindings import ABSENT, Bindings
from .entries import Entry, Minted
from .rebind import Rewriter
from .templates import Texts, encode


class Wording:
    """What is told to one client of one operation, or of what nobody asked for."""

    __slots__ = ("_dialect", "_entry", "_fresh", "_origins", "_rewriter", "_session", "_texts")

    def __init__(
        self,
        dialect: Dialect,
        session: Bindings,
        origins: Mapping[str, str],
        entry: Entry | None = None,
        fresh: Sequence[JSON] = (),
    ) -> None:
        """Prepare for a client.

        Args:
            dialect: Knows the names under which values stand.
            session: What is bound for the client's session. What is bound later counts from then on.
            origins: Recorded servers (scheme and host) and what stands in for them.
            entry: The operation as it was recorded.
            fresh: What the live client has minted for it, by `Reader.fresh`.

        """
        self._dialect, self._session, self._origins = dialect, session, origins
        self._entry, self._fresh = entry, fresh
        self._rewriter: Rewriter | None = None
        self._texts = [None if as_key(value) is None else encode(value) for value in fresh]

    @property
    def texts(self) -> Texts | None:
        """What to fill in, by `Reader.fresh`, None for what is no id; None for all where that would not do."""
        return None if self._session.alters else self._texts

    @property
    def rewriter(self) -> Rewriter:
        """What rewrites all else."""
        if self._rewriter is None:
            own = bound(self._dialect, () if self._entry is None else self._entry.minted, self._fresh)
            scopes = (self._session,) if own is None else (own, self._session)
            self._rewriter = Rewriter(self._dialect, *scopes, origins=self._origins)
        return self._rewriter


def bound(dialect: Dialect, minted: Iterable[Minted], fresh: Sequence[JSON]) -> Bindings | None:
    """The ids of one operation, bound; None where the live client has minted the same."""
    own: Bindings | None = None
    for number, key, bare, mine, run in minted:
        its = fresh[number]
        if not (mine == its and type(mine) is type(its)):
            own = own or Bindings()
            own.bind(key, bare, _live(dialect, key, its), run)
    return own


def _live(dialect: Dialect, key: str, value: JSON) -> JSON:
    text = as_key(value)
    if text is None:
        return ABSENT
    bare = dialect.bare(key, text)
    return value if bare == text else bare
