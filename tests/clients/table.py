"""The table of clients in README.md; `make clients-table` runs the matrix with this as a pytest plugin, to write it.

A test that proves a cell says so: `record_property("cell", recorded(take))`, or `played(take)`.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from tests.clients.matrix import CLIENTS, PLAYERS, ROOT, SEATS, SERVERS, TAKES, Seat, Server, Take, refusal, version

README = ROOT / "README.md"
_CLIENTS = "clients"  # the name in the comments around the table
_TRANSPORTS = {"long-polling": "long-polling", "websocket": "WebSocket", "callback-polling": "callback-polling"}
_FAILED = "**fails**"


def recorded(take: Take) -> str:
    """The cell of a recording that is the truth, and that the same client plays."""
    return f"recorded {take}"


def played(take: Take) -> str:
    """The cell of a recording that another client plays."""
    return f"played {take}"


ALL = frozenset({*map(recorded, TAKES), *map(played, TAKES)})


def render(proved: Collection[str]) -> str:
    """The table, given the cells that were proved."""
    servers = [f"{name} {version(name)}" for name in SERVERS.values()]
    head = ["client", "transport", *servers, "plays a recording of"]
    rows = [head, ["---"] * len(head), *(_row(seat, proved) for seat in SEATS)]
    lacking = " and ".join(c.package for c in CLIENTS if "websocket" not in c.transports)
    return "".join(f"| {' | '.join(row)} |\n" for row in rows) + f"\n{lacking} have no WebSocket.\n"


def section(page: str, name: str = _CLIENTS) -> str:
    """The table that stands in a page between the comments of this name."""
    return _parts(page, name)[1]


def with_section(page: str, table: str, name: str = _CLIENTS) -> str:
    """A page with another table."""
    before, _, after = _parts(page, name)
    return before + table + after


def _parts(page: str, name: str) -> tuple[str, str, str]:
    """What stands before the table, the table, and what stands behind it; the comments belong to the outer two."""
    before, begin, rest = page.partition(f"<!-- {name}: ")
    made_by, end_of_line, rest = rest.partition("\n")
    table, end, after = rest.partition(f"<!-- {name} end -->")
    return before + begin + made_by + end_of_line, table, end + after


def _row(seat: Seat, proved: Collection[str]) -> list[str]:
    cells = [_recorded(seat, server, proved) for server in SERVERS]
    others = [_played(take, proved) for take, player in PLAYERS.items() if player == seat]
    return [str(seat.client), _TRANSPORTS[seat.transport], *cells, "; ".join(others)]


def _played(take: Take, proved: Collection[str]) -> str:
    other = f"{take.seat.client}, {_TRANSPORTS[take.seat.transport]}"
    return other if played(take) in proved else f"{other}: {_FAILED}"


def _recorded(seat: Seat, server: Server, proved: Collection[str]) -> str:
    return refusal(seat, server) or ("yes" if recorded(Take(seat, server)) in proved else _FAILED)


class _Writer:
    def __init__(self, readme: Path) -> None:
        self._readme = readme
        self._proved: set[str] = set()
        self._failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        cells = {str(value) for name, value in report.user_properties if name == "cell"}
        if report.failed:
            self._failed |= cells
        elif report.when == "call" and report.passed:
            self._proved |= cells

    def pytest_sessionfinish(self) -> None:
        table = render(self._proved - self._failed)
        self._readme.write_text(with_section(self._readme.read_text(), table))


def pytest_configure(config: Any) -> None:
    """Write when all is over, in the process that hears of all tests."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Writer(README))
