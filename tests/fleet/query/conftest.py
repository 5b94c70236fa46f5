from __future__ import annotations

from collections.abc import Iterator

import pytest

from recorder.fleet.query.database import Database, opened
from recorder.fleet.query.source import Source
from tests.fleet.query.made import made


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """1,000 triples of ten cassettes."""
    return made(tmp_path_factory.mktemp("small") / "catalogue")


@pytest.fixture
def database(small: Source) -> Iterator[Database]:
    with opened(small) as found:
        yield found
