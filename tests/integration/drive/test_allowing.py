"""Nothing is sent that was not allowed, to nobody: a trap counts what comes under every option."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from recorder.cli import main
from tests.integration.drive.stage import DESK, LONG, SHIPPED, command
from tests.lab.trap import Told, Trap

pytestmark = pytest.mark.once

REDACTED = SHIPPED / "preview-session.cassette"
_SHOWN = "--send-recorded-credentials"
_QUICK = ("--allow-all", _SHOWN, "--patience", "0.3", "--rate", "instant")


@pytest.fixture
def traps() -> Iterator[tuple[Trap, Trap]]:
    with Trap() as asked, Trap() as other:
        yield asked, other


REFUSED: list[tuple[str, ...]] = [
    (_SHOWN,),
    (_SHOWN, "--rate", "instant"),
    (_SHOWN, "--on-missing", "send"),
    (_SHOWN, "--repeat", "3"),
    (_SHOWN, "--allow", "GetPreviewRecord"),
    (_SHOWN, "--allow", "GET /*"),
    (_SHOWN, "--allow", "POST /api/v2/me/outbound-records/*"),
    (_SHOWN, "--json"),
    (_SHOWN, "--insecure"),
    ("--allow-all",),  # whose tokens would go to another host
]


@pytest.mark.parametrize("options", REFUSED, ids=" ".join)
@pytest.mark.parametrize("verb", ["drive", "verify"])
def test_what_is_not_allowed_is_refused_before_the_first_byte(
    verb: str, options: tuple[str, ...], traps: tuple[Trap, Trap]
) -> None:
    done = CliRunner().invoke(main, [verb, str(DESK), "--to", traps[0].url, *options])

    assert (done.exit_code, "No such command" in done.output) == (2, False), done.output
    assert [(trap.connections, trap.requests) for trap in traps] == [(0, [])] * 2


def test_a_dry_run_sends_nothing(traps: tuple[Trap, Trap]) -> None:
    done = command("drive", DESK, "--to", traps[0].url, "--dry-run", "--allow-all", _SHOWN)

    assert done.returncode == 0, done.stderr
    assert "GetPreviewRecord" in done.stdout
    assert traps[0].connections == 0


def test_a_redacted_cassette_without_values_sends_nothing(traps: tuple[Trap, Trap]) -> None:
    done = command("drive", REDACTED, "--to", traps[0].url, "--allow-all")

    assert done.returncode == 2
    assert "Authorization" in done.stderr
    assert traps[0].connections == 0


@pytest.mark.parametrize("status", [302, 307, 301, 303, 308][: 5 if LONG else 1])
def test_nobody_is_led_to_another_host(status: int, traps: tuple[Trap, Trap]) -> None:
    asked, other = traps
    asked.told = Told(status, {"Location": f"{other.url}/api/v2/me"})

    done = command("drive", DESK, "--to", asked.url, *_QUICK)

    assert done.returncode != 0
    assert asked.requests != []
    assert (other.connections, other.requests) == (0, [])


def test_links_in_answers_lead_nowhere(traps: tuple[Trap, Trap]) -> None:
    asked, other = traps
    asked.told = Told(200, {"Link": f"<{other.url}/x>", "Refresh": f"0;url={other.url}/x"}, {"uri": f"{other.url}/x"})

    command("drive", DESK, "--to", asked.url, *_QUICK, "--on-missing", "send")

    assert asked.requests != []
    assert (other.connections, other.requests) == (0, [])


def test_a_proxy_of_the_environment_is_not_asked(traps: tuple[Trap, Trap]) -> None:
    asked, other = traps
    own = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), other.url)

    command("drive", DESK, "--to", asked.url, *_QUICK, env=own)

    assert asked.requests != []
    assert other.connections == 0


def test_only_what_is_allowed_is_sent(traps: tuple[Trap, Trap]) -> None:
    """With all writes named one by one, the drive begins; the trap is no server of Bayeux, so it does not get far."""
    names = ("StartPreviewSession", "GetPreviewRecord", "GetChainedRecord", "UpdateRecord", "CompleteRecord")
    allowed = [part for name in (*names, "EndPreviewSession", "PUBLISH /desk/notes") for part in ("--allow", name)]

    done = command("drive", DESK, "--to", traps[0].url, *allowed, *_QUICK[1:])

    assert done.returncode in {1, 3}, done.stderr
    assert traps[0].requests != []


def test_without_a_server_nothing_is_done() -> None:
    assert command("drive", DESK, "--allow-all").returncode == 2


def test_a_cassette_that_is_left_alone_is_not_changed(tmp_path: Path) -> None:
    before = DESK.read_bytes()

    done = command("drive", DESK, "--to", "http://localhost:9", "-o", DESK, "--allow-all", _SHOWN, "--force")

    assert done.returncode == 2
    assert DESK.read_bytes() == before
