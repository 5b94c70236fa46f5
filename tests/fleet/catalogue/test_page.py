"""docs/catalogue.md describes each column of each table, in the words of the schema."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recorder.fleet.catalogue.schema import TABLES

PAGE = (Path(__file__).parents[3] / "docs/catalogue.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", TABLES)
def test_the_page_describes_the_columns_of_a_table(name: str) -> None:
    table = TABLES[name]
    (section,) = re.findall(rf"^### {name}\n(.*?)(?=^##)", PAGE, re.DOTALL | re.MULTILINE)

    assert f"A row is {table.about}." in section
    assert re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", section, re.MULTILINE) == [
        (one.name, one.type + ("" if one.required else ", null"), one.about) for one in table.columns
    ]


def test_the_page_names_the_tables_in_their_order() -> None:
    assert re.findall(r"^### (\w+)$", PAGE, re.MULTILINE) == list(TABLES)
