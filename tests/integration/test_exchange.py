"""What another tool recorded of a real session beside us is imported to the triples of our own cassette."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from recorder.cassette.reader import read
from recorder.cli import main
from recorder.library.recording import load_recording
from recorder.model import Recording
from tests.integration.captures import Bayeux, assert_truth
from tests.lab.browser import Browser, play_in_page, serving_pages
from tests.lab.lab import Lab, run_js_client
from tests.lab.processes import MITMDUMP, recorder, serving
from tests.lab.sessions import preview_session

pytestmark = [pytest.mark.node, pytest.mark.once]


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def triples(recording: Recording) -> list[Any]:
    """What two recorders of one session see alike: all but the times and what stands between them."""
    return [
        (
            (t.operation, t.keys, t.session, t.state, t.request.method, t.request.target, t.request.body),
            t.ack and (t.ack.status, t.ack.body),
            [(link.name, link.rule, link.event.channel, link.event.data) for link in t.events],
        )
        for t in (*recording.triples, *recording.plain)
    ]


@pytest.mark.parametrize(("bayeux", "transport"), [("cometd", "long-polling"), ("faye", "websocket")])
def test_flows_of_mitmproxy_give_the_triples_that_we_recorded(bayeux: Bayeux, transport: str, tmp_path: Path) -> None:
    ours, flows, theirs = (tmp_path / name for name in ("ours.cassette", "session.flows", "theirs.cassette"))
    script = preview_session("desk-", 0.02) | {"transport": transport}
    with Lab(bayeux, tmp_path / "truth.jsonl") as lab:
        lab.options(chain=2, early=1, splitMs=12)
        with recorder("record", lab.url, "-o", ours, "--no-redaction") as inner:
            mode = f"reverse:{inner.url}"
            command = [
                MITMDUMP,
                "--mode",
                mode,
                "--listen-host=127.0.0.1",
                "-p0",
                "-w",
                str(flows),
                "--set",
                f"confdir={tmp_path}",
            ]
            with serving(command, ready="listening at") as outer:
                run_js_client(f"http://{outer.url.removeprefix('http://')}", script)

        result = run("import", flows, "-o", theirs, "--no-redaction")

        assert result.exit_code == 0, result.stderr
        assert triples(load_recording(theirs)) == triples(load_recording(ours))
        assert_truth(load_recording(theirs).triples, lab.truth()[1:])
    assert run("diff", ours, theirs).exit_code == 0


@pytest.mark.browser
@pytest.mark.parametrize(("bayeux", "transport"), [("cometd", "long-polling"), ("faye", "websocket")])
def test_a_har_of_chromium_gives_the_triples_of_the_server(
    bayeux: Bayeux, transport: str, browser: Browser, tmp_path: Path
) -> None:
    har, cassette = tmp_path / "session.har", tmp_path / "session.cassette"
    script = preview_session("desk-", 0.02) | {"transport": transport}
    with Lab(bayeux, tmp_path / "truth.jsonl") as lab, serving_pages() as origin:
        lab.options(cors=True, chain=2, early=1, splitMs=12)
        play_in_page(browser, origin, lab.url, script, har)

        result = run("import", har, "-o", cassette)

        assert result.exit_code == 0, result.stderr
        found, truth = load_recording(cassette).triples, [cause for cause in lab.truth() if cause.method == "POST"]
        assert [(t.request.method, t.request.target) for t in found] == [(c.method, c.path) for c in truth]
        assert [len(t.events) for t in found] == [len(c.events) for c in truth]
    assert b"agent1:secret" not in cassette.read_bytes()
    assert read(cassette).header.redaction == "gws"
