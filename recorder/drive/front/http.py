"""Send plain HTTP requests once each; one that could not leave at all is tried again for a while."""

from __future__ import annotations

import asyncio

import aiohttp

from ..engine.plan import Answer, Plan, Step
from .tap import Left, Sending
from .wire import Fetched, NotSent, Wire, reason_of

PAUSE = 0.25  # seconds between two attempts to reach a server


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


def answer_of(found: Fetched) -> Answer:
    """Return an answer as the driver takes it."""
    return Answer(found.status, found.headers, found.body)


def was_redirected(plan: Plan, step: Step) -> bool:
    """Return whether the recorded answer to a step was a redirect, so that its client itself asked for the next."""
    told = None if step.answer is None else plan.told[step.answer].response
    return told is not None and 300 <= told.status < 400  # the class of redirects
