import asyncio

import pytest
from aiohttp import web

from recorder.drive.engine.values import Values
from recorder.drive.front.login import log_in
from recorder.errors import UpstreamError

from .world import Script, out, plan, played, serving, step, wired

FILE = """
[login]
path = "/login"
json = { user = "ann", password = "hunter22" }
token = "body.access_token"
"""


def values():
    return Values.parse(FILE, "values.toml", {})


def logged_in(handler):
    async def run():
        given = values()
        async with serving(handler) as url, wired(url) as (wire, _):
            await log_in(wire, given.login("s1"), given)
        return given

    return asyncio.run(run())


async def accept(request):
    if request.path == "/login":
        made = web.json_response({"access_token": "live", "seen": await request.text()})
        made.set_cookie("sid", "1")
        return made
    return web.Response(status=200 if request.cookies.get("sid") == "1" else 401)


def test_a_login_gives_the_token():
    assert ("Authorization", "Bearer live") in logged_in(accept).headers("s1")


@pytest.mark.parametrize("status", [401, 500])
def test_a_refused_login_is_told_without_its_values(status):
    async def refuse(request):
        return web.Response(status=status, text="hunter22")

    with pytest.raises(UpstreamError, match=f"POST /login of client 's1' was answered with status {status}") as caught:
        logged_in(refuse)

    assert "hunter22" not in str(caught.value)


def test_an_answer_without_the_token_is_told():
    async def empty(request):
        return web.json_response({"token": "x"})

    with pytest.raises(UpstreamError, match=r"has no body\.access_token"):
        logged_in(empty)


def test_a_login_runs_before_the_first_step_and_its_cookies_go_with_the_steps():
    one = step(0, target="/me")
    script = Script(out(one))

    asyncio.run(played(accept, script, plan(one), values=values()))

    assert script.answers[0].status == 200
