"""The reference in docs/dialects.md names each key that a dialect may have, and says which may be left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.dialect import tables
from recorder.dialect.definition import parse
from recorder.dialect.tables import Table
from recorder.errors import DialectError, SettingsError

PAGE = Path(__file__).parents[2] / "docs" / "dialects.md"
FREE = ("keys]", "error]", "ignore]", "minted]")  # ends of tables whose keys are the user's


def block() -> str:
    return PAGE.read_text().partition("```toml all\n")[2].partition("```")[0]


def test_the_page_has_each_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is there but unknown is a mistake of the dialect; here those are looked for that are not there."""
    tops: list[Table] = []

    def watched(text: str, path: str, kind: type[SettingsError]) -> Table:
        tops.append(tables.read(text, path, kind))
        return tops[-1]

    monkeypatch.setattr("recorder.dialect.parsing.read", watched)

    parse(block(), path="docs/dialects.md")

    read = tops[0]._file.tables
    assert [".".join((*one._keys, key)) for one in read for key in one._taken if key not in one] == []


def sections() -> list[list[str]]:
    """The lines of each table of the block, the keys before the first table as the first."""
    found: list[list[str]] = [[""]]
    for line in block().splitlines():
        if line.startswith("["):
            found.append([])
        if line.strip():
            found[-1].append(line)
    return found


def lacks(sections: list[list[str]]) -> bool:
    """Whether a dialect of some lines lacks a key or table that it must have."""
    try:
        parse("\n".join(line for section in sections for line in section), path="mine.toml")
    except DialectError as exc:
        return any("is missing" in str(problem) for problem in exc.problems)
    return False


def test_the_page_says_which_keys_may_be_left_out() -> None:
    whole = sections()
    assert not lacks(whole)
    for place, section in enumerate(whole):
        own = [n for n, line in enumerate(section) if n and not section[0].partition("#")[0].rstrip().endswith(FREE)]
        for number in own:
            left = [*whole[:place], [*section[:number], *section[number + 1 :]], *whole[place + 1 :]]
            assert (section[number], lacks(left)) == (section[number], "optional" not in section[number])


def test_the_page_says_which_tables_may_be_left_out() -> None:
    whole = sections()
    for section in whole[1:]:
        name = section[0].partition("#")[0].strip().strip("[]")
        inside = [one for one in whole if one[0].startswith((f"[{name}]", f"[{name}."))]
        left = [one for one in whole if one not in inside]
        assert (section[0], lacks(left)) == (section[0], "optional" not in section[0])
