import socket

import pytest
from aiohttp import web

from recorder.drive.engine.allowing import Allowed
from recorder.drive.engine.plan import Act, Connection
from recorder.errors import UpstreamError
from tests.drive.front.world import BayeuxServer, Script, out, plan, step

from .world import in_hub, played, player


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_server_that_is_not_there_is_told_before_anything_is_made():
    script = Script()

    with pytest.raises(UpstreamError, match="cannot be reached"):
        in_hub(player(script, plan(), f"http://127.0.0.1:{free_port()}").run)

    assert not hasattr(script, "now")


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
    watch = played(look, AtOnce(*map(out, steps)), plan(*steps))

    assert sorted(seen) == sorted(f"/{number}" for number in range(30))
    assert [number for kind, number, _ in watch.lines if kind == "left"] == list(range(30))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "get"])
def test_what_is_not_allowed_does_not_leave(method):
    seen = []

    async def look(request):
        seen.append(request.method)
        return web.Response()

    steps = step(0, method="GET"), step(1, method=method)
    script = Script(*map(out, steps))
    played(look, script, plan(*steps), allowed=Allowed())

    assert seen == ["GET"]
    assert script.answers[1].failure == "it is not allowed, and was not sent"


def test_a_target_that_is_no_path_fails_its_step():
    async def answer(request):
        return web.Response()

    one = step(0, target="http://127.0.0.2/")
    script = Script(out(one))

    played(answer, script, plan(one))

    assert "is no path" in script.answers[0].failure


def test_a_session_is_kept_by_polls():
    server = BayeuxServer()
    shake = {"channel": "/meta/handshake", "version": "1.0"}
    subscribe = {"channel": "/meta/subscribe", "subscription": "/a"}
    steps = (
        step(0, Act.HANDSHAKE, "POST", "/cometd", message=shake, connection="b1"),
        step(1, Act.SUBSCRIBE, "POST", "/cometd", message=subscribe, connection="b1"),
    )

    def push(message):
        server.push("/a", {"n": 1})

    server.on["/meta/subscribe"] = push
    script = Script(*map(out, steps), events=1)

    played(server, script, plan(*steps, connections=(Connection("b1", "s1", "bayeux", "/cometd"),)))

    assert script.events == [("b1", "/a", {"n": 1})]
    assert [answer.status for answer in script.answers.values()] == [200, 200]
    assert len(server.sent_on("/meta/disconnect")) == 1
