"""A hostile page in a real Chromium gets nothing of a recording; the recorded desktop's page, and who is let in, do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar
from urllib.parse import quote

import pytest

from recorder import StandIn
from recorder.library.recording import load_recording
from recorder.model import Recording
from tests.lab.browser import Browser, browsing

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.xdist_group("strangers")]

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
T = TypeVar("T")
HANDSHAKE = json.dumps(
    [{"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["callback-polling"]}]
)
JSONP = f"/api/v2/notifications?jsonp=heard&message={quote(HANDSHAKE)}"
SECRETS = ("clientId", "ROLE_AGENT", "agent1", "successful")  # of the recording's answers

# Everything a page can try; gives what it got, by the name of the try.
TRIES = """async ([url, socket, jsonp, handshake]) => {
  const got = {}, note = (name, value) => { (got[name] ??= []).push(String(value)); };
  window.heard = message => note('jsonp', JSON.stringify(message));
  const patience = (start) => Promise.race([new Promise(start), new Promise(done => setTimeout(done, 3000))]);
  const element = (name, set) => patience(done => {
    const end = told => { note(name, told.type); done(); };
    document.body.append(Object.assign(document.createElement(name), set, {onload: end, onerror: end}));
  });
  const call = async (name, path, how) => {
    const read = answer => answer.text().then(text => note(name, answer.type + text));
    await fetch(url + path, how).then(read).catch(error => note(name, error.name));
  };
  await call('cors', '/api/v2/me', {});
  await call('no-cors', '/api/v2/me', {mode: 'no-cors'});
  await call('no-cors without a referrer', '/api/v2/me', {mode: 'no-cors', referrerPolicy: 'no-referrer'});
  await call('with cookies', '/api/v2/me', {credentials: 'include'});
  await call('html', '/api/v2/me', {mode: 'no-cors', headers: {Accept: 'text/html'}});
  await call('simple post', '/api/v2/notifications', {method: 'POST', mode: 'no-cors', body: handshake});
  const type = {'Content-Type': 'application/json'};
  await call('preflight', '/api/v2/notifications', {method: 'POST', headers: type, body: handshake});
  await patience(done => {
    const asked = new XMLHttpRequest();
    asked.onloadend = () => { note('xhr', asked.responseText); done(); };
    asked.open('GET', url + '/api/v2/me'); asked.send();
  });
  await element('script', {src: url + jsonp});
  await element('script', {src: url + jsonp, referrerPolicy: 'no-referrer'});
  await element('script', {src: url + jsonp, crossOrigin: 'anonymous'});
  await element('img', {src: url + '/api/v2/me'});
  await element('link', {rel: 'stylesheet', href: url + '/api/v2/me'});
  await element('link', {rel: 'prefetch', href: url + '/api/v2/me'});
  await element('iframe', {src: url + '/api/v2/me'});
  await element('iframe', {src: url + '/api/v2/me', referrerPolicy: 'no-referrer'});
  await element('embed', {src: url + '/api/v2/me'});
  navigator.sendBeacon(url + '/api/v2/notifications', handshake);
  await patience(done => {
    const opened = new WebSocket(socket);
    opened.onopen = () => { note('socket', 'open'); opened.send(handshake); };
    opened.onmessage = told => { note('socket', told.data); done(); };
    opened.onclose = () => { note('socket', 'close'); done(); };
  });
  await patience(done => {
    const source = new EventSource(url + '/api/v2/me');
    source.onmessage = told => note('events', told.data);
    source.onerror = () => { note('events', 'error'); source.close(); done(); };
  });
  await patience(done => {
    const script = `self.heard = message => postMessage(JSON.stringify(message));
      try { importScripts('${url}${jsonp}'); } catch (error) { postMessage(error.name); }`;
    const worker = new Worker(URL.createObjectURL(new Blob([script])));
    worker.onmessage = told => { note('worker', told.data); done(); };
  });
  await patience(done => {
    const frame = Object.assign(document.createElement('iframe'), {name: 'target'});
    const set = {method: 'post', action: url + '/api/v2/me', target: 'target', enctype: 'text/plain'};
    const form = Object.assign(document.createElement('form'), set);
    document.body.append(frame, form);
    frame.onload = () => { note('form', frame.contentDocument?.body.innerText); done(); };
    form.submit();
  });
  return got;
}"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><body>a page")

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def page_port() -> Iterator[int]:
    """Where pages come from, whatever their host."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A Chromium for which the hosts of this module are this machine; it asks nobody before it does so."""
    rules = "MAP evil.example 127.0.0.1, MAP gws.example 127.0.0.1, MAP desk.example 127.0.0.1"
    with browsing(f"--host-resolver-rules={rules}", "--disable-features=LocalNetworkAccessChecks") as started:
        yield started


def recorded_at(upstream: str) -> Recording:
    """The shipped session as if it had been recorded from another server."""
    recording = load_recording(PREVIEW)
    return replace(recording, header=replace(recording.header, upstream=upstream), addressed=frozenset())


@contextmanager
def serving(upstream: str = "http://gws.example:8090", **how: Any) -> Iterator[tuple[StandIn, list[str]]]:
    """A stand-in, and the requests that its engine sees."""
    with StandIn(recorded_at(upstream), rate="instant", **how) as standin:
        seen: list[str] = []
        receive = standin._engine.receive

        def note(asked: Any, now: float) -> None:
            seen.append(f"{asked.method} {asked.target} {asked.headers}")
            receive(asked, now)

        standin._engine.receive = note  # type: ignore[method-assign, assignment]
        yield standin, seen


def on(browser: Browser, address: str, script: str, *arguments: Any) -> Any:
    """What a script gives that runs on a page."""
    return browser.on_page(lambda page: (page.goto(address), page.evaluate(script, *arguments))[1])


def tries(url: str) -> list[str]:
    return [url, url.replace("http:", "ws:") + "/api/v2/notifications", JSONP, HANDSHAKE]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_page_of_another_origin_reads_nothing_and_causes_nothing(
    host: str, chromium: Browser, page_port: int
) -> None:
    with serving() as (standin, seen):
        url = standin.url.replace("localhost", host)
        got = on(chromium, f"http://evil.example:{page_port}/", TRIES, tries(url))

        assert not [secret for secret in SECRETS if secret in json.dumps(got)], got
        assert "jsonp" not in got
        assert got["socket"] == ["close"]
        assert {name for name in got if name.startswith("cors")} == {"cors"}
        assert seen == []
        assert standin.missed >= 15
        assert standin.sessions == []
        assert len(standin.misses) <= 3
        assert "--allow-origin http://evil.example" in standin.misses[0]


def test_a_page_reads_nothing_where_the_browser_sends_no_metadata(chromium: Browser, page_port: int) -> None:
    """To http://gws.example, as to any name but loopback's, Chromium sends no Sec-Fetch headers."""
    with serving() as (standin, seen):
        url = standin.url.replace("localhost", "gws.example")
        got = on(chromium, f"http://evil.example:{page_port}/", TRIES, tries(url))

        assert not [secret for secret in SECRETS if secret in json.dumps(got)], got
        assert "jsonp" not in got
        assert {line.split()[1] for line in seen} <= {"/api/v2/me"}  # frames look like links; they cannot be read
        assert not [line for line in seen if not line.startswith("GET ")]
        assert standin.missed >= 10


def test_a_page_whose_name_was_rebound_is_refused(chromium: Browser) -> None:
    with serving() as (standin, seen):
        url = standin.url.replace("localhost", "evil.example")
        call = "path => fetch(path).then(async answer => [answer.status, await answer.text()])"
        status, text = on(chromium, f"{url}/page", call, "/api/v2/me")
        got = on(chromium, f"{url}/page", TRIES, tries(url))

        assert status == 403
        assert "--allow-host evil.example" in text
        assert not [secret for secret in SECRETS if secret in json.dumps(got)], got
        assert seen == []
        assert len(standin.misses) == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "gws.example"])
def test_a_page_of_the_recorded_host_works(host: str, chromium: Browser, page_port: int) -> None:
    with serving() as (standin, _):
        url = standin.url.replace("localhost", host)
        got = on(chromium, f"http://gws.example:{page_port}/", TRIES, tries(url))

        assert "ROLE_AGENT" in got["cors"][0]
        assert "clientId" in got["jsonp"][0]
        assert "clientId" in got["socket"][1]
        assert "clientId" in got["preflight"][0]
        assert not [text for text in standin.misses if "403" in text and "without Origin and Referer" not in text]


def test_an_allowed_origin_works(chromium: Browser, page_port: int) -> None:
    with serving(allow_origins=[f"http://desk.example:{page_port}"]) as (standin, _):
        got = on(chromium, f"http://desk.example:{page_port}/", TRIES, tries(standin.url))

        assert "ROLE_AGENT" in got["cors"][0]
        assert "clientId" in got["jsonp"][0]
        assert "clientId" in got["socket"][1]


HIDDEN: list[Callable[[str], str]] = [
    lambda page: (
        f"Object.assign(document.createElement('iframe'), {{sandbox: 'allow-scripts', srcdoc: {json.dumps(page)}}})"
    ),
    lambda page: (
        f"Object.assign(document.createElement('iframe'), {{src: {json.dumps('data:text/html,' + quote(page))}}})"
    ),
]


@pytest.mark.parametrize("frame", HIDDEN, ids=["sandbox", "data"])
@pytest.mark.parametrize("allowed", [[], ["null"]])
def test_a_page_without_an_origin_needs_null(
    allowed: list[str], frame: Callable[[str], str], chromium: Browser, page_port: int
) -> None:
    with serving(allow_origins=allowed) as (standin, seen):
        asks = (
            f"fetch('{standin.url}/api/v2/me').then(answer => answer.text(), error => error.name)"
            ".then(text => parent.postMessage(text, '*'))"
        )
        script = f"""() => new Promise(done => {{
            onmessage = told => done(told.data);
            document.body.append({frame(f"<script>{asks}</script>")});
        }})"""
        got = on(chromium, f"http://localhost:{page_port}/", script)

        if allowed:
            assert "ROLE_AGENT" in got
            assert standin.missed == 0
        else:
            assert got == "TypeError"
            assert "--allow-origin null" in standin.misses[0]
            assert seen == []


def test_with_a_token_a_browser_that_was_shown_it_once_works_and_others_read_nothing(chromium: Browser) -> None:
    uses = """async handshake => {
        const me = await (await fetch('/api/v2/me')).text();
        const told = await new Promise(done => {
            const opened = new WebSocket(location.origin.replace('http', 'ws') + '/api/v2/notifications');
            opened.onopen = () => opened.send(handshake);
            opened.onmessage = message => done(message.data);
            opened.onclose = () => done('closed');
        });
        return [me, told, document.cookie];
    }"""
    with serving(token="s3cret", repeat="cycle") as (standin, seen):
        me, told, cookies = on(chromium, f"{standin.url}/api/v2/me?recorder_token=s3cret", uses, HANDSHAKE)
        other = on(chromium, f"{standin.url}/api/v2/me", uses, HANDSHAKE)

        assert "ROLE_AGENT" in me
        assert "clientId" in told
        assert "recorder_token" not in cookies  # HttpOnly: no script reads it
        assert "s3cret" not in str(seen)
        assert not [secret for secret in SECRETS if secret in str(other)]
        assert [text for text in standin.misses if "this stand-in needs its token" in text]
