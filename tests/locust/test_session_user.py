"""Users of a locustfile, in processes of their own: Locust exchanges the sockets of the one it is in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CASSETTE = Path(__file__).parents[1] / "cassettes" / "labs" / "desk.cassette"
NOWHERE = "http://127.0.0.1:1"
HEAD = "from recorder.locust import SessionUser\n\n\nclass Agents(SessionUser):\n"


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    line = [sys.executable, *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, cwd=cwd, env=env)


def test_a_class_of_users_says_what_is_played(tmp_path: Path) -> None:
    program = HEAD + (
        '    cassettes = {"a.cassette": 3, "s3://team/b.cassette": 1}\n'
        '    values = "agents.csv"\n    rate = "instant"\n'
        '    allow = ["GetRecord"]\n    upstream_ca = ["ca.pem"]\n    on_missing = "stop"\n\n\n'
        "from recorder.locust import settings_of\n"
        f'made = settings_of(Agents, "{NOWHERE}")\n'
        "print([(str(one), weight) for one, weight in made.cassettes], [str(one) for one in made.values], made.rate)\n"
        "print(made.allow, [str(one) for one in made.upstream_ca], made.on_missing.value, made.patience, made.to)\n"
        'Agents.on_missing = "shrug"\n'
        f'settings_of(Agents, "{NOWHERE}")\n'
    )

    done = python("-c", program, cwd=tmp_path)

    assert done.stdout.splitlines() == [
        "[('a.cassette', 3), ('s3://team/b.cassette', 1)] ['agents.csv'] inf",
        f"('GetRecord',) ['ca.pem'] stop 5.0 {NOWHERE}",
    ]
    assert done.stderr.splitlines()[-1].endswith("on_missing must be one of stop, skip, send, not 'shrug'")


@pytest.mark.parametrize(
    ("more", "host", "told"),
    [
        (
            "    allow_all = False\n",
            NOWHERE,
            "Agents: StartPreviewSession may change data; --allow StartPreviewSession",
        ),
        ("    allow_all = True\n", NOWHERE, "Agents: header Authorization"),
        ("    allow_all = True\n", "", "Agents: name the server to send to, e.g. --host http://staging.example:8090"),
        ('    values = "none.csv"\n', NOWHERE, "Agents: none.csv: the file with values cannot be read"),
    ],
)
def test_a_locustfile_that_lacks_something_sends_nothing(more: str, host: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(f"{HEAD}    cassettes = [{str(CASSETTE)!r}]\n{more}")
    line = ["-P", "-m", "locust", "-f", "mine.py", "--headless", "--run-time", "3s"]

    done = python(*line, *(["--host", host] if host else []), cwd=tmp_path)

    assert done.returncode == 2
    assert told in done.stderr
    assert "nothing was sent" in done.stderr
