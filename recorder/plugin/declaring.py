"""Declare the options of the pytest plugin. pytest imports this module in every run: it imports nothing itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_OPTIONS = (
    "rate=, repeat=, strict=, faults=, misses=, unplayed=, mode=, upstream=, seed=, dialect=, policy=, allow_host=, "
    "allow_origin=, drive=, to=, values=, allow=, allow_all=, on_missing=, patience=, settle=, findings=, "
    "match=, before_record=, explore=, explore_seed=, disturb=, delay=, schedule="
)
MARKER = f"cassette(name, …, {_OPTIONS})"
_URL = "e.g. http://gws.example:8090"
# the words that are checked before any test runs, each with its default, which needs no check
CHECKED = {
    "cassette_mode": "none",
    "cassette_misses": "fail",
    "cassette_unplayed": "warn",
    "cassette_rate": "virtual",
    "cassette_store": "",
}


def declare(parser: pytest.Parser) -> None:
    """Declare the options of the command line and of the ini file."""
    # not `--record-mode` (pytest-recording) and not `--record`: other plugins own these names
    group = parser.getgroup("cassette", "recorded servers (outbound-recorder)")
    group.addoption(
        "--cassette-mode",
        metavar="none|once|new_episodes|all",
        help="When to record cassettes (default: none); a `none` on the command line overrides all markers.",
    )
    group.addoption("--cassette-upstream", metavar="URL", help=f"Server to record, {_URL}.")
    group.addoption(
        "--cassette-recorder",
        metavar="COMMAND",
        help="Recorder of another environment, which has mitmproxy: its path, or e.g. `pipx run --spec "
        "outbound-recorder[record] recorder`.",
    )
    group.addoption("--cassette-to", metavar="URL", help="Server under test, for tests with drive=True.")
    group.addoption(
        "--cassette-store",
        metavar="URL",
        help="Store of the cassettes that cassettes.lock names and that are not beside the tests, e.g. s3://team/suite.",
    )
    group.addoption(
        "--cassette-report",
        metavar="DIR",
        type=Path,
        help="Folder for what is kept of each failed test: the page of its cassette beside what was live, as text, and "
        "as JSON (default: the page alone, in pytest's temporary folder).",
    )
    group.addoption(
        "--cassette-explore",
        metavar="N",
        type=int,
        help="Run each test with a stand-in under up to N schedules: orders of answers and events that the server is "
        "allowed. 0 runs each test once, whatever its marker says.",
    )
    group.addoption(
        "--cassette-schedule",
        metavar="ID",
        help="Run tests under this schedule alone: the id or the path of a file, or texts such as `event 4.1 before "
        "ack 4` or `event 4.1 before answer p2`, parted by semicolons.",
    )
    group.addoption("--cassette-orphans", action="store_true", help="List the cassettes that no test has used.")
    _declare_settings(parser)


def _declare_settings(parser: pytest.Parser) -> None:
    """Declare the options of the ini file."""
    parser.addini("cassette_dir", "Cassette folder, from the root folder (default: `cassettes` beside the test)")
    parser.addini("cassette_store", "Store of the cassettes in cassettes.lock: a URL, or a folder", default="")
    parser.addini("cassette_mode", "When to record cassettes: none, once, new_episodes or all", default="none")
    parser.addini("cassette_upstream", f"Server to record, {_URL}", default="")
    parser.addini("cassette_to", "Server under test, for tests with drive=True", default="")
    parser.addini("cassette_dialect", "Dialect of the cassettes: a name, or a file from the root folder")
    parser.addini("cassette_policy", "Redaction policy of the cassettes: a name, or a file from the root folder")
    parser.addini(
        "cassette_record_options", "More options for `recorder record`, e.g. --insecure", type="args", default=[]
    )
    parser.addini("cassette_recorder", "Command of a recorder of another environment, for recording", default="")
    parser.addini("cassette_allow_host", "Hosts to serve besides the recorded ones", type="args", default=[])
    parser.addini("cassette_allow_origin", "Origins of pages to serve as well", type="args", default=[])
    parser.addini("cassette_misses", "When a request matches nothing: fail, warn or ignore", default="fail")
    parser.addini("cassette_unplayed", "When a test leaves triples unplayed: fail, warn or ignore", default="warn")
    parser.addini("cassette_rate", "Pace of all tests: a number, instant or virtual", default="virtual")
