"""What the inspection commands print for programs, kept in `golden/`: scripts rely on it.

After a change on purpose: python -m tests.cli.json_commands, and read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

from click.testing import CliRunner

from recorder.cli import main

CASSETTES = Path(__file__).parents[2] / "cassettes"
GOLDEN = Path(__file__).parent / "golden"

ONE, OTHER = "get-chained-record.cassette", "preview-session.cassette"

# name of the golden file → its schema, the command
COMMANDS = {
    "ls.json": ("ls", f"ls {ONE} --json"),
    "ls-several.json": ("ls", f"ls {ONE} {OTHER} --json --limit 1"),
    "ls-all.json": ("ls-all", f"ls {OTHER} --all --json --filter n:<2"),
    "ls.jsonl": ("ls", f"ls {OTHER} --jsonl --filter op:GetChainedRecord"),
    "show.json": ("show", f"show {OTHER} 1 --json"),
    "show.jsonl": ("show", f"show {OTHER} --jsonl --filter events:1"),
    "show-record.json": ("show", f"show {OTHER} r20 --json"),
    "show-note.json": ("show", f"show {OTHER} --record 52 --json"),
    "show-plain.json": ("show", f"show {OTHER} p1 --json"),
    "show-event.json": ("show", f"show {OTHER} u1 --json --dialect salesforce"),
    "grep.json": ("grep", f"grep handle:7 {ONE} {OTHER} --json"),
    "grep.jsonl": ("grep", f"grep op:*PreviewSession {ONE} {OTHER} --jsonl"),
    "explain.json": ("explain", f"explain {OTHER} 3 --json"),
    "explain.jsonl": ("explain", f"explain {OTHER} 3.1 --jsonl"),
    "stats.json": ("stats", f"stats {ONE} {OTHER} --json"),
    "timeline.json": ("timeline", f"timeline {ONE} --json"),
    "timeline.jsonl": ("timeline", f"timeline {OTHER} 3 --jsonl"),
    "tail.jsonl": ("tail", f"tail {OTHER} --jsonl"),
    "doctor.json": ("doctor", f"doctor {OTHER} --json"),
    "doctor.jsonl": ("doctor", "doctor ../tests/cassettes/labs/workspace.cassette --jsonl"),
    "redact.json": ("redact", f"redact {ONE} --dry-run --json"),
    "drive.json": ("drive", f"drive {OTHER} --dry-run --json"),
    "diff.json": ("diff", f"diff {ONE} {OTHER} --json"),
    "diff.jsonl": ("diff", f"diff {ONE} {OTHER} --jsonl"),
    # finds campaigns, which the policy of the cassette keeps
    "scan.jsonl": ("scan", f"scan {ONE} --policy salesforce --jsonl"),
    "scan.json": ("scan", f"scan {ONE} --policy salesforce --json"),
}


def printed(command: str) -> str:
    """What a command prints, run where the cassettes are."""
    before = Path.cwd()
    os.chdir(CASSETTES)
    try:
        return CliRunner().invoke(main, command.split()).stdout
    finally:
        os.chdir(before)


if __name__ == "__main__":
    for name, (_, command) in COMMANDS.items():
        (GOLDEN / name).write_text(printed(command), encoding="utf-8")
