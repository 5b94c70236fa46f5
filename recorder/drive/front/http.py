"""Send plain HTTP requests once each; one that could not leave at all is tried again for a while."""

from __future__ import annotations

import asyncio

import aiohttp

from ..engine.plan import Answer, Plan
from .requests import PAUSE, answer_of, was_redirected
from .tap import Left, Sending
from .wire import NotSent, Wire, reason_of


async def call(wire: Wire, plan: Plan, left: Left, patience: float) -> Answer:
    """Send a step that is a plain request, and return what came back for it.

    Args:
        wire: The HTTP of its client.
        plan: The plan, which knows whether the recorded answer was a redirect.
        left: The step.
        patience: Seconds in which it is tried again, if it could not leave.

    """
    out, loop = left.out, asyncio.get_running_loop()
    headers, until = wire.headers(out.headers), loop.time() + patience
    while True:
        sending = Sending(out.step.client, out.step.request.method, out.target, out.body, left=left)
        try:
            found = await wire.fetch(sending, headers, follows=not was_redirected(plan, out.step))
        except (aiohttp.ClientError, OSError) as exc:
            if left.has_left or isinstance(exc, NotSent) or loop.time() > until:
                return Answer(None, failure=reason_of(exc))
            await asyncio.sleep(PAUSE)
        else:
            return answer_of(found)
