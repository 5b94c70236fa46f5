"""Make the parts of a slotted object when they are first read: of thousands of sessions most have most parts empty."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

Makes: TypeAlias = Mapping[str, Callable[[Any], object]]
_Facts = TypeVar("_Facts", bound=Hashable)


class Lazy:
    """An object with parts that are made when they are first read; they stand in slots without a value until then.

    An empty set takes 216 bytes, an empty slot 8. A part that is there is read as any attribute.

    Attributes:
        MAKES: Makes each such part, by its name, of the object.

    """

    __slots__ = ()
    MAKES: ClassVar[Makes] = {}

    def has(self, name: str) -> bool:
        """Return whether a part was made; reading the part would make it."""
        try:
            object.__getattribute__(self, name)
        except AttributeError:
            return False
        return True

    if not TYPE_CHECKING:  # else the checker would take any name for an attribute

        def __getattr__(self, name: str) -> object:
            """Make a part; Python calls this for a slot without a value."""
            make = self.MAKES.get(name)
            if make is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            part = make(self)
            setattr(self, name, part)
            return part


@lru_cache(1000)
def shared(facts: _Facts) -> _Facts:
    """Return an equal value that all sessions share: most subscribe to the same channels, in the same order."""
    return facts


def made_of(kind: Callable[[], object]) -> Callable[[Any], object]:
    """Return a function for `Lazy.MAKES` that makes an empty part."""
    return lambda _: kind()
