"""Spares mitmproxy the addons that have nothing to do: at every event it goes to each of some thirty.

That takes more of its time than all else it does for an exchange. Most addons know of an event or two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mitmproxy.addonmanager import AddonManager
from mitmproxy.hooks import Hook


@dataclass(frozen=True, slots=True)
class _Listening:
    """All that mitmproxy needs of a manager to trigger an event, with fewer addons."""

    chain: list[Any]
    manager: AddonManager

    async def invoke_addon(self, addon: Any, event: Hook) -> None:
        await self.manager.invoke_addon(addon, event)


def ask_listeners_only(manager: AddonManager, *, scripts: bool = True) -> None:
    """Have a manager's events go only to addons that have a hook for them, in the same order and way as before.

    Who listens is found anew for each event where there may be scripts, which can be loaded again; else whenever an
    addon has been added.
    """
    trigger = type(manager).trigger_event
    known: dict[str, list[Any]] = {}
    count = 0

    def listeners(name: str) -> list[Any]:
        nonlocal count
        if scripts or count != len(manager.chain):
            known.clear()
            count = len(manager.chain)
        if name not in known:
            known[name] = [addon for addon in manager.chain if _listens(addon, name)]
        return known[name]

    async def trigger_event(event: Hook) -> None:
        chain = listeners(event.name)
        if chain:
            await trigger(_Listening(chain, manager), event)  # type: ignore[arg-type]  # what it uses of a manager

    manager.trigger_event = trigger_event  # type: ignore[method-assign]  # the one place all events go through


def _listens(addon: Any, name: str) -> bool:
    """Whether an addon, or one inside it, has such a hook."""
    if getattr(addon, name, None):
        return True
    inner = getattr(addon, "addons", None)
    return inner is not None and any(_listens(one, name) for one in inner)
