import asyncio
import gc
import socket
import time

import gevent
import gevent.socket
import pytest
from aiohttp import web

from recorder.drive.engine.allowing import Allowed
from recorder.drive.engine.plan import Act, Connection
from recorder.drive.engine.values import Values
from recorder.drive.front.target import Target
from recorder.errors import UpstreamError
from tests.certificates import authority, issued
from tests.drive.front.world import BayeuxServer, Script, out, plan, step

from .world import Watch, in_hub, played, player, served


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


def test_patience_that_begins_as_a_step_leaves_runs_out_without_an_answer():
    class Patient(Script):
        """Gives a step up a moment after it has left; before that it waits for long."""

        gives_up = None

        def left(self, number, now):
            self.gives_up = now + 0.1

        def due(self, now):
            if self.gives_up is not None and now >= self.gives_up:
                self.gone("c1", "given up", now)
            return super().due(now)

        def deadline(self):
            return None if self.said else self.gives_up or super().deadline()

    async def silence(request):
        await asyncio.sleep(2)
        return web.Response()

    recorded = step(0, target="/silent")
    script = Patient(out(recorded))
    began = time.monotonic()

    with served(silence) as url:
        in_hub(player(script, plan(recorded), url).run)
        took = time.monotonic() - began

    assert script.said == [("gone", "c1", "given up")]
    assert took < 2


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


SHAKE = {"channel": "/meta/handshake", "version": "1.0"}
CONNECTIONS = (Connection("b1", "s1", "bayeux", "/cometd"),)


def session():
    """Return a player of a session that waits for an event, and its script."""
    one = step(0, Act.HANDSHAKE, "POST", "/cometd", message=SHAKE, connection="b1")
    script = Script(out(one), events=1)
    return script, plan(one, connections=CONNECTIONS)


def test_a_run_that_is_cut_off_disconnects_in_order():
    server = BayeuxServer()
    script, recorded = session()

    with served(server) as url:
        in_hub(lambda: player(script, recorded, url).run(until=time.monotonic() + 0.3))

    assert script.answers[0].status == 200
    assert server.got[-1]["channel"] == "/meta/disconnect"


def test_a_killed_greenlet_disconnects_in_order():
    server = BayeuxServer()
    script, recorded = session()

    def killed(url):
        running = gevent.spawn(player(script, recorded, url).run)
        while not any("advice" not in poll for poll in server.sent_on("/meta/connect")):
            gevent.sleep(0.01)
        running.kill()
        return running.successful()

    with served(server) as url:
        assert in_hub(lambda: killed(url))

    assert server.got[-1]["channel"] == "/meta/disconnect"


def test_no_greenlet_and_no_connection_is_left():
    server = BayeuxServer()
    script, recorded = session()

    def count(url):
        player(script, recorded, url).run(until=time.monotonic() + 0.2)
        gevent.idle()
        gc.collect()
        found = [one for one in gc.get_objects() if isinstance(one, gevent.Greenlet) and not one.dead]
        open_sockets = [one for one in gc.get_objects() if isinstance(one, gevent.socket.socket) and one.fileno() >= 0]
        return [one for one in found if one.parent is gevent.get_hub()], open_sockets

    with served(server) as url:
        greenlets, sockets = in_hub(lambda: count(url))

    assert greenlets == []
    assert sockets == []


def test_a_login_gives_the_token_and_the_cookies():
    seen = []

    async def accept(request):
        if request.path == "/login":
            made = web.json_response({"access_token": "live"})
            made.set_cookie("sid", "1")
            return made
        seen.append(request.cookies.get("sid"))
        return web.Response()

    text = '[login]\npath = "/login"\njson = { user = "ann" }\ntoken = "body.access_token"\n'
    values, one = Values.parse(text, "values.toml", {}), step(0)

    played(accept, Script(out(one)), plan(one), values=values)

    assert seen == ["1"]
    assert ("Authorization", "Bearer live") in values.headers("s1")


def test_a_refused_login_sends_nothing_else():
    async def refuse(request):
        return web.Response(status=401, text="hunter22")

    text = '[login]\npath = "/login"\njson = { user = "hunter22" }\ntoken = "body.access_token"\n'
    one = step(0)

    with pytest.raises(UpstreamError, match="status 401") as caught:
        played(refuse, Script(out(one)), plan(one), values=Values.parse(text, "values.toml", {}))

    assert "hunter22" not in str(caught.value)


def test_a_fault_of_the_front_ends_the_run():
    class Faulty(Watch):
        def answered(self, step, answer, at):
            raise ZeroDivisionError

    async def answer(request):
        return web.Response()

    one = step(0)
    with served(answer) as url, pytest.raises(ZeroDivisionError):
        in_hub(player(Script(out(one)), plan(one), url, Faulty()).run)


def test_what_comes_is_told_with_its_time():
    server = BayeuxServer()
    server.on["/meta/subscribe"] = lambda message: server.push("/a", 1)
    subscribe = {"channel": "/meta/subscribe", "subscription": "/a"}
    steps = (
        step(0, Act.HANDSHAKE, "POST", "/cometd", message=SHAKE, connection="b1"),
        step(1, Act.SUBSCRIBE, "POST", "/cometd", message=subscribe, connection="b1"),
    )
    began = time.monotonic()

    watch = played(server, Script(*map(out, steps), events=1), plan(*steps, connections=CONNECTIONS))

    times = [line[2] for line in watch.lines]
    assert [line[:2] for line in watch.lines] == [("left", 0), ("answered", 0), ("left", 1), ("answered", 1)]
    assert began <= times[0] <= times[1] <= times[2] <= times[3] <= time.monotonic()


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    """A context of a server for 127.0.0.1, and the files of its authority and of another one."""
    folder = tmp_path_factory.mktemp("tls")
    own, other = authority(), authority("Other CA")
    return (
        issued(own, "127.0.0.1").server(folder / "server.pem"),
        own.saved(folder / "own.pem"),
        other.saved(folder / "ca"),
    )


def over_tls(certified, **how):
    """Play requests, a WebSocket and a session against a server with TLS; return the script."""
    server = BayeuxServer()

    async def both(request):
        return await server(request) if request.path != "/me" else web.Response()

    upgrade = (("Upgrade", "websocket"),)
    steps = (
        step(0, target="/me"),
        step(1, target="/me"),
        step(2, Act.HANDSHAKE, "GET", "/cometd", message=SHAKE, connection="b1", headers=upgrade),
    )
    recorded = plan(*steps, connections=(Connection("b1", "s1", "bayeux", "/cometd", is_socket=True),))
    script = Script(*map(out, steps))
    with served(both, certified) as url:
        in_hub(player(script, recorded, url, target=Target.at(url, **how)).run)
    return script


def test_a_certificate_of_an_unknown_authority_is_refused(certified):
    with pytest.raises(UpstreamError, match=r"not trusted .*--upstream-ca FILE"):
        over_tls(certified[0], ca=(certified[2],))


@pytest.mark.parametrize("is_insecure", [False, True])
def test_a_certificate_of_a_trusted_authority_is_taken(certified, is_insecure):
    script = over_tls(certified[0], insecure=is_insecure, ca=() if is_insecure else (certified[2], certified[1]))

    assert [script.answers[number].status for number in (0, 1, 2)] == [200, 200, 200]


def test_a_server_without_tls_cannot_be_reached_by_https():
    async def answer(request):
        return web.Response()

    with served(answer) as url, pytest.raises(UpstreamError, match=r"cannot be reached by TLS \(.*\)"):
        in_hub(player(Script(), plan(), url.replace("http:", "https:")).run)
