"""Parse requests, recorded and live, into the values that matching compares."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import chain, pairwise
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote

from ..bayeux.publishes import PUBLISH
from ..dialect.content import Content, Form, canonical, fields, in_order, pairs, read, read_again, respelled
from ..dialect.definition import CACHE_BUSTER, Dialect, headers_of, roots_of
from ..dialect.paths import (
    EACH,
    Tree,
    as_key,
    covers,
    each,
    lookup,
    names_in,
    path_of,
    split,
    tree_of,
    unescaped,
    without,
)
from ..model import JSON, Headers
from ..printable import printable
from ..redaction.policy import Policy
from .blanks import Blanker
from .cutting import NO_JSON, Cutter, Rest
from .known import Bound, FreshIds, Inner, KnownRequest, Minted, ReadBody
from .masks import BLANK, BODY, MEMBER, PATH, QUERY, Address, Mask, cut
from .masks import path_of as path_mask
from .remembered import Remembered

Common: TypeAlias = tuple[bool, str | None, bytes, str]  # of publishes, operation, text and media type of like bodies
Shown: TypeAlias = tuple[tuple[str, str], ...]  # places in headers, such as `cookie NAME`, and the pseudonyms there

_REMEMBERED = 10_000  # requests; then they are forgotten
_BODIES = 1_000  # that are remembered
_LONGEST = 4000  # bytes of a body that is remembered
_DIGEST = 16  # bytes
_IN_LIST = re.compile(r"\.(?:\d+|\*)(?:\.|$)")


@dataclass(frozen=True, slots=True, eq=False)
class SessionIds:
    """Ids that a client minted for its whole session, by `RequestReader.lasting`: as compared, and as written.

    A path with a `*` has any number of them, another path one.

    Requests with equal ids share one object, so that pairs are compared once (`Bindings.agreed`).
    """

    values: tuple[tuple[Bound, ...], ...]


class Tried(NamedTuple):
    """Which live requests are compared without the leaves of a mask, because a recorded one held pseudonyms there.

    Attributes:
        method: Their method.
        of_path: The part of the mask that is in the path.
        path: Their path without that part, and without the values that a policy names.
        operation: Name of their operation.
        mask: The mask.
    """

    method: str
    of_path: Mask
    path: str
    operation: str | None
    mask: Mask


class MintedId(NamedTuple):
    """A value that a recorded client minted for one operation.

    Attributes:
        number: Index in `RequestReader.fresh`.
        key: Name of the key, e.g. `reference`.
        bare: The value as compared.
        value: The value as written.
        run: First run of the value (`bindings.first_run`); None if the value is too short to be replaced as a word.

    """

    number: int
    key: str
    bare: str
    value: JSON
    run: str | None


@dataclass(frozen=True, slots=True, eq=False)
class RecordedRequest:
    """A recorded request, as far as it is compared on each match.

    Where leaves of it hold pseudonyms of remembered values, all else here is of the request without them.

    Attributes:
        place: Index in `Matcher.triples`.
        n: Number of its triple, 0 for an exchange that is no operation.
        session: Label of the recorded session that sent it.
        operation: Name of the operation.
        own: Digest of the body without per-operation ids.
        hidden: Redacted values, in their order.
        lasting: Ids that live as long as the session.
        minted: Ids that the client minted for this operation.
        remembered: Leaves that hold pseudonyms of remembered values; None if there are none.
        shown: Pseudonyms in its headers that such a leaf of some request holds, each with the name of its place.
        key: Digest, equal for all live requests that may be it.

    """

    place: int
    n: int
    session: str | None
    operation: str | None
    own: bytes
    hidden: tuple[str, ...]
    lasting: SessionIds
    minted: tuple[MintedId, ...]
    remembered: Remembered | None = None
    shown: Shown = ()
    key: bytes = b""

    @property
    def id(self) -> bytes:
        """Digest that tells apart requests of one key."""
        return id_of(self.own, self.hidden)


@dataclass(slots=True, eq=False)
class Leaves:
    """Where the leaves of a request may hold remembered values: the request as it was sent, to be cut.

    Attributes:
        target: Path and query, or the channel of a publish.
        body: The body, or the data of a publish.
        media: Media type of the body, by `media_for`.
        texts: Of a request without the leaves of a mask: the texts of these, None for one that it lacks.
        shown: Values in its headers that recorded requests show pseudonyms for, by the name of their place.
        rests: What is left of the request without the leaves of each mask that was tried.
        alternatives: Those rests that have all leaves of their mask; None before all masks were tried.

    """

    target: str
    body: bytes
    media: str
    texts: tuple[str | None, ...] = ()
    shown: Mapping[str, str] = field(default_factory=dict)
    rests: dict[Mask, ParsedRequest] = field(default_factory=dict)
    alternatives: tuple[ParsedRequest, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ParsedRequest:
    """Everything that matching compares of a request; requests that differ in per-operation ids alone share one.

    Attributes:
        body: The value of the body, without volatile fields; its per-operation ids may be those of an earlier,
            otherwise equal request. None for a body that is compared as text.
        raw: The canonical text of the body, under the same reservation.
        hidden: Values that the redaction policy has blanked out, in their order.
        key: Digest, equal for all requests that differ in minted, volatile and hidden values alone.
        own: Digest, equal for requests that differ in per-operation ids and hidden values alone.
        id: Digest, equal for requests that differ in per-operation ids alone: it tells apart requests of one key.
        lasting: Ids that live as long as the session.
        form: How the body is written.
        leaves: Where it may hold remembered values; None if no recorded request does.
        host: Of a live request, the recorded host that it is for; None if it names none, or one alone was recorded.

    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: JSON
    raw: bytes
    operation: str | None
    hidden: tuple[str, ...]
    key: bytes
    own: bytes
    id: bytes
    lasting: SessionIds
    form: Form
    leaves: Leaves | None = None  # one field: this is built for each new text of a request
    host: Hashable | None = None

    def __str__(self) -> str:
        return printable(f"{self.method} {self.path}" + (f" ({self.operation})" if self.operation else ""))


class RequestReader:
    """Parses the requests of one dialect, as they are after redaction by a policy.

    Clients send the same bodies but for the ids they mint for each operation. These are cut out of the text; the rest
    was either parsed before, or is parsed now. The cache decides nothing: with it, without it, or filled by other
    requests, a request is parsed to the same values.

    Attributes:
        common: What the last request has in common with those that differ in their targets, and in minted ids, alone;
            None if no such request was read before.
    """

    def __init__(
        self, dialect: Dialect, policy: Policy | None = None, root: str = "body", most: int | None = None
    ) -> None:
        """Prepare to read requests that `policy` redacted, if any did.

        Args:
            dialect: Says where ids stand.
            policy: The policy.
            root: Where paths of ids begin: `body` for HTTP requests, `data` for Bayeux publishes.
            most: How many requests are remembered; None takes what suits live ones.
        """
        self._dialect, self.root = dialect, root
        self._most = _REMEMBERED if most is None else most
        self._blanker = Blanker(policy)
        paths = {path: key for key in dialect.minted for path in dialect.paths(key)}
        # `*` leads to any number of values, so these are the last
        in_order = sorted(paths.items(), key=lambda pair: EACH in split(pair[0]))
        self.fresh = tuple((path, key) for path, key in in_order if key in dialect.per_operation)
        has_many = any(EACH in split(path) for path, _ in self.fresh)
        self._keys = None if has_many else tuple(key for _, key in self.fresh)
        self.lasting = tuple((path, key) for path, key in in_order if key not in dialect.per_operation)
        self._volatile = {name: tree_of(dialect.volatile, name) for name in (root, "query", "path")}
        # values that do not count, but tell requests apart that are alike; those of cache busters never come again
        volatile = [split(path) for path in dialect.volatile if path != CACHE_BUSTER]
        self._dropped = {name: [path[1:] for path in volatile if path[0] == name] for name in (root, "query")}
        own_keys = {name: known.keys for name, known in dialect.operations.items() if known.keys}
        self._shared_ids = self._minted({path for path in paths if path in dialect.common(paths[path])})
        self._ids_of = {
            name: self._minted({*self._shared_ids.paths, *(path for path in paths if path in own.get(paths[path], ()))})
            for name, own in own_keys.items()
        }
        self._outer = {path.partition(".")[0] for path in paths} - {root}
        self._of_headers = tuple(path for path, _ in (*self.fresh, *self.lasting) if path.startswith("header."))
        # what a policy looks into may be hidden in one request and not in the next
        places = [path for path, _ in self.fresh]
        own = [(path, key) for path, key in self.fresh if path.startswith(f"{root}.") and not _IN_LIST.search(path)]
        free = [path for path, key in own if key not in dialect.session_keys]
        cut = {path.rpartition(".")[2]: path for path in free if self._blanker.keeps(path.removeprefix("body."))}
        self._places = {name.encode(): places.index(path) for name, path in cut.items()}
        self._cutter = Cutter(cut)
        self.common: Common | None = None
        self._bodies: dict[tuple[bool, bytes, str], ReadBody] = {}
        self._known: dict[tuple[str, str, bytes, str], KnownRequest] = {}
        self._last: tuple[tuple[bytes, str], Content] | None = None  # the last body
        self._lasting: dict[tuple[tuple[Bound, ...], ...], SessionIds] = {}
        # by method, mask of the path, and path without it, with the operation: the masks to try
        self._masks: dict[str, dict[Mask, dict[tuple[str, str | None], dict[Mask, None]]]] = {}

    def _minted(self, paths: Collection[str]) -> Minted:
        # what identifies a client is not what it asks for
        not_asked = [*paths, *self._dialect.session_tokens]
        own = [path for path, _ in self.fresh if path in paths]
        outside = {name: tree_of(not_asked, name) for name in ("query", "path")}
        return Minted(frozenset(paths), tree_of(not_asked, self.root), tree_of(own, self.root), outside)

    def _of(self, operation: str | None) -> Minted:
        """Return where clients mint ids in the requests of an operation, which may have keys of its own."""
        return self._ids_of.get(operation or "", self._shared_ids)

    def ignored(self, operation: str | None) -> Tree:
        """Return what is not compared inside the body of the requests of an operation."""
        return self._of(operation).ignored

    def tried(self, mask: Mask, recorded: ParsedRequest, target: str) -> Tried:
        """Return which live requests may hold remembered values in the leaves of a mask, as a recorded request does."""
        of_path = path_mask(mask)
        return Tried(recorded.method, of_path, self._path(recorded.method, of_path, target), recorded.operation, mask)

    def try_mask(self, tried: Tried) -> None:
        """Try a mask with live requests from now on; call `forget` after the last one."""
        by_path = self._masks.setdefault(tried.method, {}).setdefault(tried.of_path, {})
        by_path.setdefault((tried.path, tried.operation), {})[tried.mask] = None

    def forget(self) -> None:
        """Forget the requests that were read, because they were read without some of the masks."""
        self._known.clear()

    def keys_of(self, request: ParsedRequest) -> Iterable[str]:
        """Return the key of each per-operation id of a request, in the order of `FreshIds`."""
        return self._keys if self._keys is not None else self._keys_of(request)

    def _keys_of(self, request: ParsedRequest) -> Iterator[str]:
        here, roots = self._of(request.operation).paths, {self.root: request.body}
        for path, key in self.fresh:
            yield from [key] * len(list(_values_at(roots, path, is_there=path in here)))

    def counts(self, operation: str | None, address: Address) -> bool:
        """Return whether a leaf of a request is compared: ids that clients mint and volatile fields are not."""
        kind, *place = address
        if kind in (PATH, BODY):
            return True
        names = place if kind == MEMBER else names_in(str(place[0]))
        ids = self._of(operation)
        return not covers(ids.outside["query"] if kind == QUERY else ids.ignored, names)

    def without(self, mask: Mask, request: ParsedRequest) -> ParsedRequest:
        """Return what is left of a request without the leaves of a mask, which has a key of its own."""
        whole = _leaves(request)
        found = whole.rests.get(mask)
        if found is None:
            rest = cut(mask, whole.target, whole.body)
            read, _ = self._read(request.method, rest.target, rest.body, whole.media)
            key, own = _digest(mask, read.key), _digest(mask, read.own, rest.texts)
            found = whole.rests[mask] = replace(
                read,
                key=key,
                own=own,
                id=id_of(own, read.hidden),
                leaves=Leaves(rest.target, rest.body, whole.media, rest.texts),
            )
            if self._of_headers:
                found = whole.rests[mask] = replace(found, lasting=request.lasting)
        return found

    def rests(self, request: ParsedRequest) -> tuple[ParsedRequest, ...]:
        """Return what is left of a request under each mask of recorded requests whose leaves it has."""
        whole = _leaves(request)
        if whole.alternatives is None:
            tried = (self.without(mask, request) for mask in self._to_try(request, whole.target))
            whole.alternatives = tuple(one for one in tried if None not in _leaves(one).texts)
        return whole.alternatives

    def _to_try(self, request: ParsedRequest, target: str) -> Iterator[Mask]:
        for of_path, by_path in self._masks.get(request.method, {}).items():
            yield from by_path.get((self._path(request.method, of_path, target), request.operation), ())

    def _path(self, method: str, mask: Mask, target: str) -> str:
        """Return the path of a request without the segments of a mask and the values that the policy names."""
        rest = cut(mask, target.partition("?")[0], b"").target
        return unquote(self._blanker.target(method, rest)[0])

    def read(
        self, method: str, target: str, body: bytes, media: str = "", headers: Headers = ()
    ) -> tuple[ParsedRequest, FreshIds]:
        """Parse a request; return it, and the client's per-operation ids by `fresh`, None where it sent none."""
        if self._of_headers:
            return self._with_headers(*self._read_text(method, target, body, media), headers)
        return self._read_text(method, target, body, media)

    def _with_headers(
        self, request: ParsedRequest, fresh: FreshIds, headers: Headers
    ) -> tuple[ParsedRequest, FreshIds]:
        """Return what was read of the text of a request with the ids that its headers hold."""
        roots = {"header": headers_of(headers)}
        ids = list(fresh)
        for number, (path, _) in enumerate(self.fresh):
            if path in self._of_headers:
                ids[number] = lookup(roots, path)
        bound = tuple(
            (self._bound(key, lookup(roots, path)),) if path in self._of_headers else known
            for (path, key), known in zip(self.lasting, request.lasting.values, strict=True)
        )
        return replace(request, lasting=self._shared(bound)), tuple(ids)

    def _read_text(self, method: str, target: str, body: bytes, media: str) -> tuple[ParsedRequest, FreshIds]:
        self.common = None
        if len(body) > _LONGEST or body.find(NO_JSON) >= 0:
            return self._read(method, target, body, media)
        rest = self._cutter.rest(body)
        known = self._known.get((method, target, rest.body, media)) or self._of_known_body(method, target, rest, media)
        if known is None:
            read = self._body(method, body, media)
            found = self._made(method, target, read)
            self._remember(found, (method, target, rest.body, media), read, rest)
            return found
        self.common = method == PUBLISH, known.request.operation, rest.body, media
        if not rest.values:
            return known.request, known.fresh
        fresh = list(known.fresh)
        for place, value in zip(known.places, rest.values, strict=True):  # the text has a mark for each
            fresh[place] = value
        return known.request, tuple(fresh)

    def _of_known_body(self, method: str, target: str, rest: Rest, media: str) -> KnownRequest | None:
        """Return a request whose body was read with another target; None if it was not."""
        body = self._bodies.get((method == PUBLISH, rest.body, media))
        if body is None:
            return None
        request, fresh = self._made(method, target, body)
        places = body.places.get(request.operation)
        if places is None:
            return None
        return self._keep((method, target, rest.body, media), KnownRequest(request, fresh, places))

    def _keep(self, text: tuple[str, str, bytes, str], known: KnownRequest) -> KnownRequest:
        if len(self._known) >= self._most:
            self._known.clear()
        self._known[text] = known
        return known

    def _remember(
        self,
        read: tuple[ParsedRequest, FreshIds],
        text: tuple[str, str, bytes, str],
        body: ReadBody,
        rest: Rest,
    ) -> None:
        """Remember a parsed request, if the values that were cut out are the minted ids, each once."""
        request, fresh = read
        places = tuple(self._places[name] for name in rest.names)
        cut = dict(zip(places, rest.values, strict=True))
        there = {place: fresh[place] for place in self._places.values() if fresh[place] is not None}
        if len(cut) == len(rest.values) and repr(sorted(cut.items())) == repr(sorted(there.items())):
            self._keep(text, KnownRequest(request, fresh, places))
            if len(self._bodies) >= _BODIES:
                self._bodies.clear()
            self._bodies.setdefault((request.method == PUBLISH, rest.body, text[3]), body).places[request.operation] = (
                places
            )

    def steady(self, method: str, target: str, body: bytes, media: str) -> tuple[str, Content]:
        """Return a request in its canonical spelling and without volatile values: the target, and the body."""
        return self._steady_target(method, target), self._content(body, media)

    def _content(self, body: bytes, media: str) -> Content:
        if self._last is None or self._last[0] != (body, media):  # a recorded body is read twice
            self._last = (body, media), read(body, media, self._volatile[self.root])
        return self._last[1]

    def _steady_target(self, method: str, target: str) -> str:
        if method == PUBLISH:
            return target
        path, query = path_of(target), target.partition("?")[2]
        if self._volatile["path"]:
            path = self._without_parts(path, self._volatile["path"])
        query = respelled(query, self._volatile["query"]) if query else ""
        return f"{path}?{query}" if query else path

    def _without_parts(self, path: str, parts: Tree) -> str:
        """Return a path with a blank in place of the parts that a route names so."""
        found = self._dialect.fitting(path)
        if found is None:
            return path
        for name in sorted(found.re.groupindex, key=found.start, reverse=True):
            if name in parts:
                path = path[: found.start(name)] + BLANK + path[found.end(name) :]
        return path

    def _read(self, method: str, target: str, body: bytes, media: str) -> tuple[ParsedRequest, FreshIds]:
        return self._made(method, target, self._body(method, body, media))

    def _body(self, method: str, body: bytes, media: str) -> ReadBody:
        content = self._content(body, media)
        blanked, hidden = self._blanker.body(method, content.body, content.media)
        is_plain = blanked == content.body
        value = content.value if is_plain else read_again(content.form, blanked, content.media)
        return ReadBody(content, blanked, hidden, value)

    def _made(self, method: str, target: str, body: ReadBody) -> tuple[ParsedRequest, FreshIds]:
        """Return a request of a target and a body."""
        steady = self._steady_target(method, target)
        blanked, hidden = self._blanker.target(method, steady)
        path, _, query_text = blanked.partition("?")
        operation = self._dialect.name_of(method, blanked, body.value)
        ids, query = self._of(operation), pairs(query_text) if query_text else ()
        if ids.outside["query"]:
            query = tuple(pair for pair in query if not covers(ids.outside["query"], names_in(pair[0])))
        inner = body.inner.get(operation)
        if inner is None:
            inner = self._inner(body, operation, roots_of(method, blanked, body.value))
            body.inner[operation] = inner
        fresh, bound = inner.fresh, inner.bound
        if self._outer:
            fresh, bound = self._ids(self._roots(method, blanked, body.value), ids)
        if ids.outside["path"]:
            path = self._without_parts(path, ids.outside["path"])
        outer = (method, unescaped(path), query)
        told = [*inner.told, *self._told(target, bound), *self._in_order(query_text, query, ids), *inner.in_order]
        key, own = _digest(*outer, inner.alike, *inner.written), _digest(inner.own, *inner.written, *told)
        hidden += body.hidden
        content = body.content
        leaves = Leaves(steady, content.body, content.media) if self._masks else None
        call = ParsedRequest(
            *outer, body.value, body.blanked, operation, hidden, key, own, id_of(own, hidden), self._shared(bound),
            content.form, leaves,
        )  # fmt: skip
        return call, fresh

    def _inner(self, body: ReadBody, operation: str | None, roots: dict[str, JSON]) -> Inner:
        ids, content, value = self._of(operation), body.content, body.value
        alike, own = (
            body.blanked if value is None else canonical(without(value, tree)) for tree in (ids.ignored, ids.own)
        )
        written = () if content.form is Form.JSON else (content.form.name, *self.named(content.names, operation))
        dropped = self._dropped[self.root] if content.whole is not content.value else ()
        told = tuple(one for path in dropped for one in each(content.whole, path) if one is not None)
        return Inner(alike, own, written, told, self._fields_in_order(body, ids), *self._ids(roots, ids))

    def _ids(self, roots: dict[str, JSON], ids: Minted) -> tuple[FreshIds, tuple[tuple[Bound, ...], ...]]:
        """Return the per-operation ids and the session ids at their paths."""
        fresh = chain.from_iterable(_values_at(roots, path, is_there=path in ids.paths) for path, _ in self.fresh)
        bound = tuple(
            tuple(self._bound(key, one) for one in _values_at(roots, path, is_there=path in ids.paths))
            for path, key in self.lasting
        )
        return tuple(fresh), bound

    def named(self, names: Iterable[str], operation: str | None) -> Iterator[str]:
        """Yield the names of form fields or parts that are compared in the requests of an operation."""
        ignored = self.ignored(operation)
        return (name for name in names if not covers(ignored, names_in(name)))

    def _told(self, target: str, bound: tuple[tuple[Bound, ...], ...]) -> Iterator[object]:
        """Yield what tells requests of one key apart outside the body: volatile values, and ids of a session."""
        if self._dropped["query"]:
            query = fields(target.partition("?")[2])
            yield from (list(each(query, path)) for path in self._dropped["query"])
        if self._outer:
            yield bound

    def _in_order(self, text: str, query: tuple[tuple[str, str], ...], ids: Minted) -> Iterator[object]:
        """Yield the values of each name in their order, where a name has several: the order may be an answer's own."""
        if _repeats(name for name, _ in query):
            yield [pair for pair in in_order(text) if not covers(ids.outside["query"], names_in(pair[0]))]

    def _fields_in_order(self, body: ReadBody, ids: Minted) -> tuple[object, ...]:
        """Return the same of a body that has fields."""
        found = in_order(body.blanked.decode("utf-8", "surrogateescape")) if body.content.form is Form.FIELDS else []
        if not _repeats(name for name, _ in found):
            return ()
        return ([pair for pair in found if not covers(ids.own, names_in(pair[0]))],)

    def _roots(self, method: str, target: str, value: JSON) -> dict[str, JSON]:
        """Return where the paths of ids begin."""
        roots = roots_of(method, target, value)
        if "query" in self._outer:
            roots["query"] = fields(target.partition("?")[2])
        if "path" in self._outer:
            roots["path"] = self._dialect.route(target)
        return roots

    def _shared(self, values: tuple[tuple[Bound, ...], ...]) -> SessionIds:
        if len(self._lasting) >= self._most:
            self._lasting.clear()
        return self._lasting.setdefault(values, SessionIds(values))

    def _bound(self, key: str, value: JSON) -> Bound:
        """Return a session id as compared, and as written; None where it is absent."""
        text = as_key(value)
        if text is None:
            return None
        bare = self._dialect.bare(key, text)
        return bare, value if bare == text else bare


def _repeats(names: Iterable[str]) -> bool:
    """Return whether a name follows itself."""
    return any(name == other for name, other in pairwise(names))


def _leaves(request: ParsedRequest) -> Leaves:
    if request.leaves is None:  # `RequestReader.forget` was not called
        raise ValueError("the request was read before the masks")
    return request.leaves


def _values_at(roots: dict[str, JSON], path: str, *, is_there: bool) -> Iterator[JSON]:
    """Yield the values at a path, None for one without a `*` that a request has not or must not have."""
    parts = split(path)
    if EACH not in parts:
        yield lookup(roots, path) if is_there else None
    elif is_there:
        yield from each(roots, parts)


def id_of(own: bytes, hidden: tuple[str, ...]) -> bytes:
    """Return the digest that tells apart requests of one key, by `ParsedRequest.own` and `hidden`."""
    return _digest(own, hidden) if hidden else own


def _digest(*parts: object) -> bytes:
    return blake2b(repr(parts).encode(errors="surrogatepass"), digest_size=_DIGEST).digest()
