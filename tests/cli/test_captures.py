"""The captures in the documents are what the commands show."""

from __future__ import annotations

import pytest

from tests.cli.captures import DOCUMENT, WIDTH, captures, rerun

CAPTURES = captures(DOCUMENT.read_text(encoding="utf-8"))


def test_there_are_captures_of_each_command_people_look_with() -> None:
    assert [command.split()[0] for command, _ in CAPTURES] == [
        "ls", "timeline", "stats", "show", "grep", "tail", "explain",
    ]  # fmt: skip


@pytest.mark.parametrize(("command", "shown"), CAPTURES, ids=[command for command, _ in CAPTURES])
def test_a_capture_is_what_the_command_shows(command: str, shown: str) -> None:
    # a terminal breaks the lines of what is not fitted to it
    broken = [
        line[at : at + WIDTH].rstrip()
        for line in rerun(command).splitlines()
        for at in range(0, max(len(line), 1), WIDTH)
    ]

    assert shown.splitlines() == broken
