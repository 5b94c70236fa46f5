"""The wheel alone, in an environment of its own: what somebody has who typed `pip install outbound-recorder pytest`."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.wheel import build, environment, install, linked, needed, own, requirements_of

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the wheel, pytest, and what these need; no mitmproxy."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = build(folder)
    fresh = environment(folder / "venv", *requirements_of(wheel), "pytest")
    install(fresh, wheel)
    return fresh


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the example's desktop needs beside: a folder for PYTHONPATH."""
    folder = tmp_path_factory.mktemp("client")
    for library in needed("aiohttp"):
        linked(library, folder)
    return folder


@pytest.fixture
def project(tmp_path: Path, python: Path) -> Path:
    """A test of a user, and a cassette of the wheel."""
    (shipped,) = python.parents[1].glob("lib/*/site-packages/recorder/cassettes/preview-session.cassette")
    (tmp_path / "cassettes").mkdir()
    shutil.copy(shipped, tmp_path / "cassettes")
    shutil.copy(ROOT / "examples" / "desktop" / "desktop.py", tmp_path)
    shutil.copy(ROOT / "examples" / "desktop" / "test_desktop.py", tmp_path)
    return tmp_path


def run(python: Path, *arguments: str, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    path_of = {} if path is None else {"PYTHONPATH": str(path)}
    command = [str(python), *arguments]
    return subprocess.run(command, cwd=cwd, env=own() | path_of, capture_output=True, text=True, check=False)


def test_pytest_finds_the_plugin_and_plays_a_cassette(python: Path, project: Path, client: Path) -> None:
    told = run(python, "-m", "pytest", "-q", cwd=project, path=client)

    assert told.stdout.splitlines()[-1].startswith("5 passed in "), told.stdout


def test_to_record_without_mitmproxy_tells_in_a_line_what_to_install(python: Path, project: Path, client: Path) -> None:
    (project / "cassettes" / "preview-session.cassette").unlink()
    record = ["--cassette-mode=once", "--cassette-upstream=http://localhost:9", "--maxfail=1"]

    told = run(python, "-m", "pytest", "-q", *record, cwd=project, path=client)

    needed = "recording needs mitmproxy: pip install 'outbound-recorder[record]', or name a recorder"
    assert any(line.startswith(needed) for line in told.stdout.splitlines())
    assert "1 error in " in told.stdout


def test_to_load_the_plugin_loads_no_engine(python: Path, tmp_path: Path) -> None:
    told = run(python, "-c", "import sys, recorder.pytest_plugin; print(*sys.modules)", cwd=tmp_path)

    assert {"aiohttp", "mitmproxy", "aiocometd_noloop"}.isdisjoint(told.stdout.split())
    assert "recorder.pytest_plugin" in told.stdout.split()


def test_a_replay_needs_neither_aiohttp_nor_aiocometd(python: Path, project: Path) -> None:
    (project / "test_replay.py").write_text(
        """
import sys
from urllib.request import urlopen
from urllib.error import HTTPError
import pytest

@pytest.mark.cassette("preview-session.cassette", misses="ignore")
def test_it(standin):
    with pytest.raises(HTTPError) as found:
        urlopen(standin.url + "/nothing")
    assert found.value.code == 470
    assert {"aiohttp", "aiocometd_noloop", "mitmproxy"}.isdisjoint(sys.modules)
"""
    )

    told = run(python, "-m", "pytest", "-q", "test_replay.py", "-p", "no:cacheprovider", cwd=project)

    assert told.stdout.splitlines()[-1].startswith("1 passed"), told.stdout


def test_the_demo_tells_in_a_line_what_to_install(python: Path, tmp_path: Path) -> None:
    (tmp_path / "mitmproxy").mkdir()  # as if it were there: the demo's agent is what is missing

    told = run(python, "-m", "recorder", "demo", cwd=tmp_path, path=tmp_path)

    assert told.returncode == 2
    assert told.stderr.splitlines() == [
        "recorder: the demo's agent needs aiohttp and aiocometd: pip install 'outbound-recorder[demo]'"
    ]


def test_the_page_of_the_api_runs_as_it_is_written(python: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    # neither mitmproxy nor aiohttp is installed there; tests/integration/test_drive_page.py drives
    written = [block for block in blocks if "Recorder(" not in block and "Drive(" not in block]
    (tmp_path / "page.py").write_text("\n".join(written), encoding="utf-8")

    told = run(python, "page.py", cwd=tmp_path)

    assert told.returncode == 0, told.stderr
    assert len(written) == len(blocks) - 2


def test_a_drive_tells_in_a_line_what_to_install(python: Path, tmp_path: Path) -> None:
    cassette = ROOT / "cassettes" / "preview-session.cassette"
    # values need not be given: what is missing to play at all is told before
    told = run(python, "-m", "recorder", "drive", cassette, "--to", "http://127.0.0.1:9", "--allow-all", cwd=tmp_path)

    assert told.returncode == 2
    assert told.stderr.splitlines() == ["recorder: a drive needs aiohttp: pip install 'outbound-recorder[drive]'"]


def test_an_addon_is_where_the_command_says(python: Path, tmp_path: Path) -> None:
    told = run(python, "-m", "recorder", "addon", "record", cwd=tmp_path)

    assert Path(told.stdout.strip()).is_file(), told.stderr
    assert "site-packages/recorder/addons/record.py" in told.stdout
