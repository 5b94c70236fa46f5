"""Each newcomer comes to the end of the story, from the wheel, in an empty folder, within five minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wheel import build

pytest.importorskip("mitmproxy.test.taddons")  # an extra: the suite runs without it too

from tests.newcomers.play import LIMIT, NEWCOMERS, played

pytestmark = [pytest.mark.once, pytest.mark.browser, pytest.mark.timeout(LIMIT + 30)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.mark.parametrize("name", NEWCOMERS)
def test_a_newcomer_comes_to_the_end(name: str, tmp_path: Path, wheel: Path) -> None:
    story = played(name, tmp_path, wheel)

    print(f"{name}: {story.seconds:.1f} s, {len(story.typed)} commands")
    assert story.typed[0].startswith("pip install")
    assert story.seconds <= LIMIT
