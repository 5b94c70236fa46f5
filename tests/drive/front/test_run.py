import asyncio
import socket

import pytest
from aiohttp import web

from recorder.drive.engine.allowing import Allowed
from recorder.drive.engine.plan import Act, Connection
from recorder.drive.engine.values import Values
from recorder.drive.front.run import Front, reach
from recorder.drive.front.target import Target
from recorder.errors import CaptureError, UpstreamError

from .world import BayeuxServer, Script, Tape, out, plan, played, serving, step


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def answer(request):
    return web.Response(text=request.path)


def front(script, url, *steps, tape=None, connections=(), **more):
    recorded = plan(*steps, connections=connections)
    allowed = more.pop("allowed", Allowed(everything=True))
    return Front(script, recorded, Target.at(url), values=Values(), allowed=allowed, tape=tape, **more)


def test_a_server_that_is_not_there_is_told_before_anything_is_made():
    script, tape = Script(), Tape()

    with pytest.raises(UpstreamError, match="cannot be reached"):
        asyncio.run(front(script, f"http://127.0.0.1:{free_port()}", tape=tape).run())

    assert tape.lines == []
    assert not hasattr(script, "now")


def test_a_server_without_tls_cannot_be_reached_by_https():
    async def run():
        async with serving(answer) as url:
            await reach(Target.at(url.replace("http:", "https:")))

    with pytest.raises(UpstreamError, match=r"cannot be reached by TLS \(.*\); does it speak http:// there\?$"):
        asyncio.run(run())


def test_steps_of_a_client_leave_in_their_order():
    seen = []

    async def look(request):
        seen.append(request.path)
        return web.Response()

    class AtOnce(Script):
        def due(self, now):
            self.now = now
            made, self._outs = self._outs, []
            self.count = getattr(self, "count", 0) + len(made)
            return made

        def deadline(self):
            return None if len(self.answers) == self.count else self.now + 30

    steps = [step(number, target=f"/{number}") for number in range(30)]
    asyncio.run(played(look, AtOnce(*map(out, steps)), plan(*steps)))

    assert seen == [f"/{number}" for number in range(30)]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "get"])
def test_what_is_not_allowed_does_not_leave(method):
    seen = []

    async def look(request):
        seen.append(request.method)
        return web.Response()

    steps = step(0, method="GET"), step(1, method=method)
    script = Script(*map(out, steps))
    asyncio.run(played(look, script, plan(*steps), allowed=Allowed()))

    assert seen == ["GET"]
    assert script.answers[1].failure == "it is not allowed, and was not sent"


def test_a_target_that_is_no_path_fails_its_step():
    one = step(0, target="http://127.0.0.2/")
    script = Script(out(one))

    asyncio.run(played(answer, script, plan(one)))

    assert "is no path" in script.answers[0].failure


def test_an_interrupted_drive_disconnects_and_closes_the_tape():
    server, tape = BayeuxServer(), Tape()
    message = {"channel": "/meta/handshake", "version": "1.0"}
    one = step(0, Act.HANDSHAKE, "POST", "/cometd", message=message, connection="b1")
    script = Script(out(one), events=1)

    async def run():
        polled = asyncio.Event()
        server.on["/meta/connect"] = lambda poll: None if "advice" in poll else polled.set()
        async with serving(server) as url:
            connections = (Connection("b1", "s1", "bayeux", "/cometd"),)
            task = asyncio.create_task(front(script, url, one, tape=tape, connections=connections).run())
            await polled.wait()
            task.cancel()
            await asyncio.wait([task])
            return task.cancelled()

    assert asyncio.run(run())
    assert len(server.sent_on("/meta/disconnect")) == 1
    assert not tape.is_open
    assert tape.has_hurried


def test_a_tape_that_fails_ends_the_drive():
    class Full(Tape):
        def request(self, *args, **more):
            self.failure = CaptureError("the disk is full")
            raise self.failure

    seen = []

    async def look(request):
        seen.append(request.path)
        return web.Response()

    async def run():
        async with serving(look) as url:
            await front(Script(out(step(0))), url, step(0), tape=Full()).run()

    with pytest.raises(CaptureError, match="the disk is full"):
        asyncio.run(run())

    assert seen == []


def test_each_turn_is_told():
    turns = []
    one = step(0)

    async def run():
        async with serving(answer) as url:
            await front(Script(out(one)), url, one, on_turn=lambda: turns.append(1)).run()

    asyncio.run(run())

    assert len(turns) >= 2


def test_a_driver_that_is_paused_is_asked_again_when_it_is_woken():
    one = step(0)

    class Paused(Script):
        is_paused = True

        def start(self, now):
            super().start(now)
            self.begun.set()

        def due(self, now):
            return [] if self.is_paused else super().due(now)

        def deadline(self):
            return None if self.is_paused else super().deadline()

    async def run():
        async with serving(answer) as url:
            script = Paused(out(one))
            script.begun = asyncio.Event()
            played_to_end = front(script, url, one)
            running = asyncio.create_task(played_to_end.run())
            await script.begun.wait()
            assert not running.done()
            script.is_paused = False
            played_to_end.wake()
            await running
            return script.answers

    assert [one.status for one in asyncio.run(run()).values()] == [200]
