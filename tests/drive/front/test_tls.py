import asyncio

import pytest
from aiohttp import web

from recorder.drive.engine.allowing import Allowed
from recorder.drive.engine.plan import Act, Connection
from recorder.drive.engine.values import Values
from recorder.drive.front.run import Front
from recorder.drive.front.target import Target
from recorder.errors import UpstreamError
from tests.certificates import authority, issued

from .world import BayeuxServer, Script, out, plan, serving, step


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    """A context of a server for 127.0.0.1, and the files of its authority and of another one."""
    folder = tmp_path_factory.mktemp("tls")
    own, other = authority(), authority("Other CA")
    context = issued(own, "127.0.0.1").server(folder / "server.pem")
    return context, own.saved(folder / "own.pem"), other.saved(folder / "other.pem")


def over_tls(certified, **how):
    """Play a request, a WebSocket and a Bayeux session against a server with TLS; return the script."""
    server = BayeuxServer()

    async def both(request):
        return await server(request) if request.path != "/me" else web.Response()

    message = {"channel": "/meta/handshake", "version": "1.0"}
    steps = (
        step(0, target="/me"),
        step(1, Act.HANDSHAKE, "GET", "/cometd", message=message, connection="b1", headers=(("Upgrade", "websocket"),)),
    )
    connections = (Connection("b1", "s1", "bayeux", "/cometd", is_socket=True),)
    script = Script(*map(out, steps))

    async def run():
        async with serving(both, tls=certified) as url:
            target = Target.at(url, **how)
            recorded = plan(*steps, connections=connections)
            allowed = Allowed()
            await Front(script, recorded, target, values=Values(), allowed=allowed).run()

    asyncio.run(run())
    return script


def test_a_certificate_of_an_unknown_authority_is_refused(certified):
    with pytest.raises(UpstreamError, match=r"not trusted .*--upstream-ca FILE"):
        over_tls(certified[0], ca=(certified[2],))


def test_a_certificate_of_a_trusted_authority_is_taken(certified):
    script = over_tls(certified[0], ca=(certified[2], certified[1]))

    assert [script.answers[number].status for number in (0, 1)] == [200, 200]


def test_any_certificate_is_taken_on_demand(certified):
    script = over_tls(certified[0], insecure=True)

    assert [script.answers[number].status for number in (0, 1)] == [200, 200]
