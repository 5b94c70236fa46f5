"""docs/drive.md, followed to the letter: each fenced block is written or run, from the top down, in one folder."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recorder.drive.engine.values import Values
from tests.cli.test_cassettes import PREVIEW
from tests.integration.test_pytest_page import BLOCK, commands, written
from tests.lab.processes import recorder

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "drive.md").read_text(encoding="utf-8")
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.mark.once
def test_each_block_of_the_page_does_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "cassettes").mkdir()
    shutil.copy(PREVIEW, tmp_path / "cassettes")
    count = 0

    replay = ("replay", PREVIEW, "--rate", "instant")
    with recorder(*replay) as right, recorder(*replay, "--fault", "drop event PreviewRecord") as broken:
        page = PAGE.replace("http://127.0.0.1:8090", right.url).replace("http://127.0.0.1:8091", broken.url)
        for language, block in BLOCK.findall(page):
            if language == "console":
                for command in commands(block):
                    command.run(tmp_path, right.url)
                    count += 1
            else:
                written(block, tmp_path)

    assert count == PAGE.count("\n$ ") >= 7


def test_the_page_of_the_api_drives(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", API, flags=re.MULTILINE | re.DOTALL)
    # the first takes the cassette out of the wheel; a recorder needs a server of its own
    written = [block for block in blocks if "copy(" not in block and "Recorder(" not in block]
    shutil.copy(PREVIEW, tmp_path / "session.cassette")
    (tmp_path / "page.py").write_text("\n".join(written), encoding="utf-8")

    told = subprocess.run([sys.executable, "page.py"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stderr
    assert (tmp_path / "live.cassette").exists()


def test_the_values_file_of_the_page_has_no_mistake() -> None:
    (block,) = [block for language, block in BLOCK.findall(PAGE) if block.startswith("# all_values.toml")]
    environment = {"STAGING_TOKEN": "Bearer a", "STAGING_PASSWORD": "b", "OTHER_TOKEN": "Bearer c"}

    values = Values.parse(block, "all_values.toml", environment)

    assert dict(values.headers("s1"))["Authorization"] == "Bearer a"
    assert dict(values.headers("s2"))["Authorization"] == "Bearer c"
    login = values.login("s1")
    assert login is not None
    assert (login.title, login.body) == ("POST /api/login", b'{"user": "ann", "password": "b"}')
