"""Hold what was read of requests, for those that have the same text, or the same body, apart from minted ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ..dialect.content import Content
from ..dialect.paths import Tree
from ..model import JSON

if TYPE_CHECKING:
    from .request import ParsedRequest

FreshIds: TypeAlias = tuple[JSON, ...]  # per-operation ids, by `RequestReader.fresh`
Bound: TypeAlias = tuple[str, JSON] | None  # an id as compared, and as written; None where it is absent


class KnownRequest(NamedTuple):
    """A request that was parsed before, for those whose text differs in the values of minted ids alone.

    Attributes:
        fresh: Its per-operation ids; those at `places` are another request's own.
        places: Indices in `fresh` of the values that are cut out of the text, in their order.

    """

    request: ParsedRequest
    fresh: FreshIds
    places: tuple[int, ...]


class Inner(NamedTuple):
    """The facts about requests of one operation that their body alone tells.

    Attributes:
        alike: Its text without what is not compared.
        own: Its text without the ids of one operation.
        written: How it is written, where it is no JSON.
        told: What tells requests of one key apart beside the body.
        in_order: The values of names that have several, in their order.
        fresh: The per-operation ids in it.
        bound: The session ids in it.
    """

    alike: bytes | str
    own: bytes | str
    written: tuple[str, ...]
    told: tuple[object, ...]
    in_order: tuple[object, ...]
    fresh: FreshIds
    bound: tuple[tuple[Bound, ...], ...]


@dataclass(slots=True, eq=False)
class ReadBody:
    """A body that was read, of any number of requests: many differ in the target alone.

    Attributes:
        content: The body in its canonical spelling, without volatile values.
        blanked: Its text without the values that a policy redacts.
        hidden: These values.
        value: Its value without them.
        inner: What it tells, by operation.
        places: By operation, where minted ids were cut out of its text, for requests that differ in them.
    """

    content: Content
    blanked: bytes
    hidden: tuple[str, ...]
    value: JSON
    inner: dict[str | None, Inner] = field(default_factory=dict)
    places: dict[str | None, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Minted:
    """Where a client mints ids in the requests of one operation, and what is not compared of such requests.

    Attributes:
        paths: The paths of the ids.
        ignored: What is not compared inside the body.
        own: The part of that which belongs to one operation.
        outside: What is not compared of the query and of the path, by these names.

    """

    paths: frozenset[str]
    ignored: Tree
    own: Tree
    outside: Mapping[str, Tree]
