"""`import recorder`: few names, loaded when they are first used, typed, and documented by blocks that run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import recorder
from recorder.errors import UsageError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def python(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=cwd)


def test_there_are_at_most_twenty_names_and_all_can_be_had() -> None:
    assert len([name for name in recorder.__all__ if not name.startswith("__")]) <= 20
    assert all(getattr(recorder, name) is not None for name in recorder.__all__)
    assert set(recorder.__all__) <= set(dir(recorder))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Casette'"):
        _ = recorder.Casette


def test_the_import_alone_loads_next_to_nothing() -> None:
    loaded = python("-c", "import sys, recorder; print(*sys.modules)").stdout.split()

    assert [name for name in loaded if name.startswith("recorder")] == ["recorder"]
    assert {"aiohttp", "mitmproxy", "asyncio", "msgpack", "click"}.isdisjoint(loaded)


def test_a_stand_in_loads_neither_aiohttp_nor_mitmproxy() -> None:
    done = python("-c", "import sys; from recorder import StandIn, Cassette, Recorder; print(*sys.modules)")

    assert {"aiohttp", "mitmproxy"}.isdisjoint(done.stdout.split())


def test_every_name_is_in_the_table_of_the_page() -> None:
    table = PAGE[PAGE.index("| name | what it is |") :]

    assert [name for name in recorder.__all__ if name != "__version__" and f"`{name}`" not in table] == []


def test_a_program_that_uses_every_name_is_typed() -> None:
    done = python("-m", "mypy", "--strict", str(Path(__file__).with_name("typed.py")))

    assert done.returncode == 0, done.stdout


def test_the_blocks_of_the_page_run_one_after_the_other_in_an_empty_folder(tmp_path: Path) -> None:
    pytest.importorskip("mitmproxy")  # an extra: one block records
    # in a checkout the cassettes are beside the package; tests/integration/test_wheel.py runs the page as it is
    here = f"{str(ROOT / 'cassettes')!r}"
    text = "\n".join(BLOCKS).replace('files("recorder") / "cassettes"', f'files("recorder") / {here}')
    (tmp_path / "page.py").write_text(text, encoding="utf-8")

    done = python("page.py", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert len(BLOCKS) >= 7


def test_the_ten_line_example_runs() -> None:
    done = python("examples/standin.py", "cassettes/preview-session.cassette")

    assert done.stdout == 'StartPreviewSession {"statusCode":0} misses: 0\n', done.stderr


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_a_session_timeout_is_more_than_no_time(seconds: float) -> None:
    with pytest.raises(UsageError, match="session_timeout"):
        recorder.StandIn(ROOT / "cassettes" / "preview-session.cassette", session_timeout=seconds)
