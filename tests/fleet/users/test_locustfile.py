"""The locustfile that is written, and the command line that runs it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from recorder.fleet.users.locustfile import Command, locustfile

FILE = Path("agents.py")


def test_a_locustfile_is_short_and_says_what_is_played():
    text = locustfile(
        "http://127.0.0.1:8090",
        [("cassettes", ["a.cassette"]), ("rate", "instant"), ("allow_all", True), ("patience", 2.5)],
        name="agents.py",
    )

    assert "locust -f agents.py --headless" in text
    assert text.endswith(
        '    host = "http://127.0.0.1:8090"\n    cassettes = ["a.cassette"]\n    rate = "instant"\n'
        "    allow_all = True\n    patience = 2.5\n"
    )


def test_texts_of_users_are_no_code():
    odd = '"""\n\'); import os #\\'
    tree = ast.parse(locustfile("http://h", [("allow", [odd, *(f"Operation{number}" for number in range(20))])]))

    [users] = [one for one in tree.body if isinstance(one, ast.ClassDef)]
    [given] = [one.value for one in users.body if isinstance(one, ast.Assign) and one.targets[0].id == "allow"]
    assert ast.literal_eval(given)[:2] == [odd, "Operation0"]


def test_a_run_on_this_machine():
    made = Command(host="http://h", users=200, spawn_rate=2.5, run_time="60s", stop_timeout=10, processes=2,
                   master=("127.0.0.1", 5557), html="r.html", csv="out")  # fmt: skip

    assert made.arguments(FILE) == [
        "-f", "agents.py", "--host", "http://h", "--users", "200", "--spawn-rate", "2.5", "--run-time", "60s",
        "--stop-timeout", "10", "--headless", "--processes", "2", "--master-bind-host", "127.0.0.1",
        "--master-bind-port", "5557", "--master-host", "127.0.0.1", "--master-port", "5557", "--html", "r.html",
        "--csv", "out",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("role", "more", "arguments"),
    [
        ("worker", {}, ["--worker", "--master-host", "m", "--master-port", "5557"]),
        ("worker", {"processes": 3}, ["--worker", "--master-host", "m", "--master-port", "5557", "--processes", "3"]),
        ("master", {"expect_workers": 2}, [
            "--headless", "--master", "--master-bind-host", "m", "--master-bind-port", "5557", "--expect-workers", "2",
        ]),
    ],
)  # fmt: skip
def test_masters_and_workers(role, more, arguments):
    made = Command(host="http://h", role=role, master=("m", 5557), **more)

    assert made.arguments(FILE)[4:] == arguments


def test_a_page_takes_the_place_of_a_run_without_one():
    made = Command(host="http://h", page=("127.0.0.1", 8089))

    assert made.arguments(FILE)[4:] == ["--web-host", "127.0.0.1", "--web-port", "8089"]
