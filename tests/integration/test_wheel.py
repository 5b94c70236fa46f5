"""The wheel alone, in an environment of its own: what somebody has who typed `pip install outbound-recorder pytest`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable, Iterator
from email import message_from_bytes
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
pytestmark = pytest.mark.once


def needed(*names: str) -> Iterator[Distribution]:
    """The libraries that some come with when no extra is asked for; their own, and those of these."""
    seen: set[str] = set()
    left = list(names)
    while left:
        found = distribution(left.pop())
        if found.name not in seen:
            seen.add(found.name)
            left += required(found.requires or ())
            yield found


def required(requirements: Iterable[str]) -> list[str]:
    """Names of what is required when no extra is asked for."""
    return [r.name for r in map(Requirement, requirements) if r.marker is None or r.marker.evaluate({"extra": ""})]


def requirements_of(wheel: Path) -> list[str]:
    """What a wheel says that it needs: what is installed beside may be another version."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(metadata)).get_all("Requires-Dist", [])


def linked(library: Distribution, site: Path) -> None:
    """Put an installed library into another environment."""
    for name in {file.parts[0] for file in library.files or () if file.parts[0] not in {"..", "__pycache__"}}:
        if not (site / name).exists():
            (site / name).symlink_to(str(library.locate_file(name)))


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the wheel, pytest, and what these need; no mitmproxy."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [*PIP, "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run(build, check=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=False)
    (site,) = (folder / "venv").glob("lib/*/site-packages")
    for library in needed(*required(requirements_of(wheel)), "pytest"):
        linked(library, site)
    fresh = folder / "venv" / "bin" / "python"
    subprocess.run([*PIP, "--python", str(fresh), "install", "--no-deps", "--no-index", str(wheel)], check=True)
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
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST_", "COVERAGE"))}
    own |= {} if path is None else {"PYTHONPATH": str(path)}
    command = [str(python), *arguments]
    return subprocess.run(command, cwd=cwd, env=own, capture_output=True, text=True, check=False)


def test_pytest_finds_the_plugin_and_plays_a_cassette(python: Path, project: Path, client: Path) -> None:
    told = run(python, "-m", "pytest", "-q", cwd=project, path=client)

    assert told.stdout.splitlines()[-1].startswith("5 passed in "), told.stdout


def test_to_record_without_mitmproxy_tells_in_a_line_what_to_install(python: Path, project: Path, client: Path) -> None:
    (project / "cassettes" / "preview-session.cassette").unlink()
    record = ["--cassette-mode=once", "--cassette-upstream=http://localhost:9", "--maxfail=1"]

    told = run(python, "-m", "pytest", "-q", *record, cwd=project, path=client)

    assert "recorder: recording needs mitmproxy: pip install 'outbound-recorder[record]'" in told.stdout.splitlines()
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
