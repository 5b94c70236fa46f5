"""Make mitmproxy pass each event only to the addons that have a hook for it.

By itself mitmproxy passes each event to all of its thirty addons, though most have one or two hooks. That takes more
time than everything else mitmproxy does for an exchange.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mitmproxy.addonmanager import AddonManager
from mitmproxy.hooks import Hook


@dataclass(frozen=True, slots=True)
class _Listening:
    """A stand-in for an addon manager with fewer addons: the parts of a manager that `trigger_event` uses."""

    chain: list[Any]
    manager: AddonManager

    async def invoke_addon(self, addon: Any, event: Hook) -> None:
        await self.manager.invoke_addon(addon, event)


def ask_listeners_only(manager: AddonManager, *, scripts: bool = True) -> None:
    """Make a manager pass each event only to the addons that have a hook for it, in the order of its chain.

    Args:
        manager: The addon manager to change.
        scripts: Whether scripts may be loaded. A script can be reloaded with other hooks, so the hooks are looked up at
            each event; without scripts they are looked up again only when the number of addons changes.

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
            await trigger(_Listening(chain, manager), event)  # type: ignore[arg-type]  # has all that trigger_event uses of a manager

    manager.trigger_event = trigger_event  # type: ignore[method-assign]  # all events pass through this method


def _listens(addon: Any, name: str) -> bool:
    """Return whether an addon, or an addon inside it, has a hook called `name`."""
    if getattr(addon, name, None):
        return True
    inner = getattr(addon, "addons", None)
    return inner is not None and any(_listens(one, name) for one in inner)
