"""Print what a search tries with a client: `python -m tests.races.trials ack_first.py [right] [SEED]`."""

from __future__ import annotations

import asyncio
import sys

from recorder.explore.outcome import Trial
from recorder.replay.engine.orders.played import Order

from .bugs import BUGS, CLIENTS, Bug, Client
from .exploring import explored
from .running import Clients


def main() -> None:
    """Search with the client that is named: a bug's wrong version, or with `right` the other, or one of `CLIENTS`."""
    name, *more = sys.argv[1:]
    which = "right" if "right" in more else "wrong"
    bug = next((bug for bug in BUGS if bug.module == name), None)
    client = CLIENTS[name] if bug is None else bug.client(which)
    asyncio.run(_tried(client, bug, next((int(one) for one in more if one.isdigit()), 0)))


async def _tried(client: Client, bug: Bug | None, seed: int) -> None:
    async with Clients() as clients:
        result = await explored(
            clients,
            client,
            disturb=() if bug is None else bug.disturb,
            seed=seed,
            delay=0.3 if bug is None else bug.delay,
            tell=_told,
        )
    print(result.says)


def _told(trial: Trial, error: str | None, order: Order) -> None:
    unmet = ", ".join(sorted(map(str, order.unmet)))
    acts = " ".join(act.name for act in order.acts)
    print(f"{trial.number} {trial.why}: {trial.schedule}" + (f" (unmet: {unmet})" if unmet else ""))
    print(f"    {error or 'passed'}\n    {acts}")


if __name__ == "__main__":
    main()
