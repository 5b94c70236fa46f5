"""The port between the viewer and what it shows live."""

from __future__ import annotations

from typing import Any, Protocol


class Live(Protocol):
    """A recording or a replay that goes on; all methods are called from several threads.

    Attributes:
        title: Title of the page.
    """

    title: str

    def rows(self) -> Any:
        """Return the rows of all there is so far, in the shape of those of a cassette."""

    def block(self, k: int) -> Any:
        """Return the details of block `k`, None if there is none."""

    def events(self, since: int, timeout: float) -> list[dict[str, Any]] | None:
        """Return the changes after the one with the id `since`, as soon as there are any.

        Each has an `id`, which grows by the order. The list is empty if nothing changed for `timeout` seconds; None if
        nothing will change any more, and all was told.
        """

    def control(self, name: str, params: dict[str, Any]) -> Any:
        """Do what a button asks for, and return the answer as JSON; None if there is no such button.

        Raises:
            RecorderError: If it cannot be done.
        """
