"""The wheel and the sdist carry what README.md promises."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT
from tests.wheel import build

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("carried")]

LINKS = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / "README.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("sdist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        return {name.partition("/")[2] for name in opened.getnames()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    with zipfile.ZipFile(build(tmp_path_factory.mktemp("wheel"))) as opened:
        return set(opened.namelist())


def test_the_sdist_has_each_file_that_the_readme_links_to(sdist: set[str]) -> None:
    assert len(LINKS) > 20
    assert [link for link in LINKS if link not in sdist] == []


def test_the_sdist_can_build_the_site(sdist: set[str]) -> None:
    assert {"mkdocs.yml", "docs/index.md", "docs/site/hooks.py", "constraints.txt", "Makefile"} <= sdist


def test_no_package_of_node_is_in_the_sdist(sdist: set[str]) -> None:
    assert [name for name in sdist if "node_modules" in name] == []


def test_the_wheel_has_what_the_commands_read(wheel: set[str]) -> None:
    shipped = {f"recorder/cassettes/{path.name}" for path in (ROOT / "cassettes").glob("*.cassette")}
    addons = {f"recorder/addons/{path.name}" for path in (ROOT / "addons").glob("*.py")}
    data = {path.relative_to(ROOT).as_posix() for path in (ROOT / "recorder").rglob("*.toml")}

    assert shipped | addons | data <= wheel
    assert {"recorder/replay/server/openapi.json", "recorder/views/page/built/template.html"} <= wheel


def test_the_wheel_has_no_sources_of_the_page_and_no_tests(wheel: set[str]) -> None:
    assert [name for name in wheel if "/page/src/" in name or name.startswith("tests/")] == []


def test_the_readme_of_the_package_is_that_of_the_repository(tmp_path: Path) -> None:
    with zipfile.ZipFile(build(tmp_path)) as opened:
        (metadata,) = (name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
        text = opened.read(metadata).decode()

    assert text.endswith((ROOT / "README.md").read_text(encoding="utf-8"))
