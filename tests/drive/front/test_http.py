import asyncio
import socket

from aiohttp import web

from recorder.drive.front.http import call
from recorder.drive.front.requests import was_redirected

from .world import left, plan, redirected, serving, step, wired


def called(handler, one, body=b"", recorded=None):
    async def run():
        async with serving(handler) as url, wired(url) as (wire, tape):
            return await call(wire, recorded or plan(one), left(one, body), 0.0), tape

    return asyncio.run(run())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def hop(request):
    if request.path == "/a":
        return web.Response(status=302, headers={"Location": "/b"})
    return web.Response(text="there")


def test_a_request_is_answered_with_status_headers_and_body():
    async def answer(request):
        return web.Response(status=403, body=await request.read(), headers={"X-Own": "1"})

    found, _ = called(answer, step(0, method="POST"), b"\0body")

    assert (found.status, found.body, found.failure) == (403, b"\0body", "")
    assert ("X-Own", "1") in found.headers


def test_a_redirect_that_was_not_recorded_is_followed():
    one = step(0, target="/a")

    found, tape = called(hop, one)

    assert (found.status, found.body) == (200, b"there")
    assert [line[0] for line in tape.lines] == ["request", "response"] * 2


def test_a_recorded_redirect_is_left_to_the_next_step():
    one = step(0, target="/a", answer=0)

    found, tape = called(hop, one, recorded=plan(one, told=(redirected(0),)))

    assert was_redirected(plan(one, told=(redirected(0),)), one)
    assert found.status == 302
    assert [line[0] for line in tape.lines] == ["request", "response"]


def test_a_request_that_was_written_is_not_tried_again():
    seen = []

    async def broken(request):
        seen.append(request.method)
        request.transport.abort()

    async def run():
        async with serving(broken) as url, wired(url) as (wire, _):
            one = step(0, method="POST")
            return await call(wire, plan(one), left(one), 30.0)

    found = asyncio.run(run())

    assert seen == ["POST"]
    assert found.status is None
    assert found.failure


def test_a_request_that_cannot_leave_is_tried_again_for_the_patience():
    seen, port = [], free_port()

    async def answer(request):
        seen.append(request.method)
        return web.Response()

    async def run():
        async with wired(f"http://127.0.0.1:{port}") as (wire, _):
            one = step(0, method="POST")
            trying = asyncio.create_task(call(wire, plan(one), left(one), 30.0))
            for _ in range(100):
                await asyncio.sleep(0)
            assert not trying.done()
            runner = web.ServerRunner(web.Server(answer, access_log=None))
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port).start()
            found = await trying
            await runner.cleanup()
            return found

    assert asyncio.run(run()).status == 200
    assert seen == ["POST"]


def test_without_patience_a_server_that_is_not_there_is_a_failure():
    async def run():
        async with wired(f"http://127.0.0.1:{free_port()}") as (wire, tape):
            one = step(0)
            return await call(wire, plan(one), left(one), 0.0), tape

    found, tape = asyncio.run(run())

    assert found.status is None
    assert "onnect" in found.failure
    assert tape.lines == []
