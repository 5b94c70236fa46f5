"""`recorder verify` against a stand-in of the same cassette, as it is and with faults."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from click.testing import CliRunner, Result

from recorder import StandIn
from recorder.cli import main
from recorder.cli.commands import diff, verify
from recorder.errors import OutputError

ROOT = Path(__file__).parents[2]
PREVIEW = ROOT / "cassettes" / "preview-session.cassette"
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "verify.schema.json").read_text())
NOTHING_LISTENS = "http://127.0.0.1:9"


def verified(to: str, *options: str | Path) -> Result:
    given = ["verify", PREVIEW, "--to", to, "--allow-all", "--rate", "instant", "--patience", "0.4", *options]
    return CliRunner().invoke(main, [*map(str, given)], env={"RECORDER_HEADER_AUTHORIZATION": "Basic YWdlbnQ6c2VjcmV0"})


def against(faults: Sequence[str], *options: str | Path) -> Result:
    with StandIn(PREVIEW, rate="instant", faults=faults) as stand_in:
        return verified(stand_in.url, *options)


def weighty(result: Result) -> list[tuple[str, str, int, str]]:
    findings: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
    return [(one["tier"], one["rule"], one["n"], one["where"]) for one in findings if one["tier"] != "info"]


def test_a_server_that_does_as_recorded_is_in_order(tmp_path: Path) -> None:
    files = {name: tmp_path / f"verify.{name}" for name in ("junit", "html", "cassette")}

    result = against(
        (), "--json", "--repeat", "2", "--junit", files["junit"], "--html", files["html"], "-o", files["cassette"]
    )

    row = json.loads(result.stdout)
    jsonschema.validate(row, SCHEMA)
    assert (result.exit_code, row["runs"], row["findings"]) == (0, 2, [])
    assert [Path(path).exists() for path in row["cassettes"]] == [True, True]
    root = ET.parse(files["junit"]).getroot()
    assert (root.get("failures"), len(root)) == ("0", 2)
    assert "<html" in files["html"].read_text()[:200]


@pytest.mark.parametrize("option", ["--junit", "--html"])
def test_what_was_found_is_told_where_a_file_cannot_be_written(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_: object, **__: object) -> None:
        raise OutputError(f"{path}: cannot be written: no space")

    monkeypatch.setattr(verify, "write_text", full)
    monkeypatch.setattr(diff, "write_text", full)

    result = against(["http 500 UpdateRecord"], "--json", option, tmp_path / "file")

    assert result.exit_code == 4
    assert weighty(result) == [("error", "refused", 4, "ack.status")]
    assert result.stderr.endswith("file: cannot be written: no space\n")


@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        ("drop event PreviewSessionStarted", ("error", "event missing", 1, "events[0]")),
        ("duplicate event PreviewSessionStarted", ("error", "event doubled", 1, "events[1]")),
        ("http 500 UpdateRecord", ("error", "refused", 4, "ack.status")),
        ("no answer UpdateRecord", ("error", "answer missing", 4, "ack")),
        ("refuse subscribe /me/internal", ("error", "refused", 0, "")),
    ],
)
def test_a_fault_is_one_finding(fault: str, finding: tuple[str, str, int, str]) -> None:
    result = against([fault], "--json")

    assert result.exit_code == 1
    assert weighty(result) == [finding]


def test_a_baseline_accepts_what_is_known(tmp_path: Path) -> None:
    known = tmp_path / "known.cassette"
    fault = ["http 500 UpdateRecord"]

    first = against(fault, "-o", known, "--format", "github")
    second = against(fault, "--baseline", known)

    assert (first.exit_code, second.exit_code) == (1, 0)
    assert first.stdout.startswith("::error file=")
    assert "more that the baseline has too" in second.stderr
    assert "lacks" not in second.stderr


def test_a_baseline_of_another_session_or_of_a_stalled_run_is_warned_of(tmp_path: Path) -> None:
    known = tmp_path / "known.cassette"
    against(["drop event PreviewRecord"], "-o", known, "--on-missing", "stop")

    told = against((), "--baseline", known).stderr

    assert f"recorder: warning: {known} lacks 4 of 6 operations (GetChainedRecord, UpdateRecord, Com" in told


def test_a_run_that_stops_has_stalled() -> None:
    assert against(["drop event PreviewSessionStarted"], "--on-missing", "stop").exit_code == 3


def test_a_server_that_cannot_be_reached_has_its_exit_code() -> None:
    assert verified(NOTHING_LISTENS).exit_code == 6


@pytest.mark.parametrize(("error", "code"), [(None, 6), (KeyboardInterrupt, 130)])
def test_what_the_runs_found_that_had_ended_is_told_when_a_later_one_fails(
    error: type[BaseException] | None, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    junit = tmp_path / "verify.xml"
    with ExitStack() as stack:
        stand_in = stack.enter_context(StandIn(PREVIEW, rate="instant", faults=["http 500 UpdateRecord"]))

        def told(text: str) -> None:
            if text == "run 2 of 2" and error is not None:
                raise error
            if text == "run 2 of 2":
                stack.close()

        monkeypatch.setattr("recorder.cli.driving.playing.say", told)
        result = verified(stand_in.url, "--repeat", "2", "--json", "--junit", junit, "--patience", "2")

    row = json.loads(result.stdout)
    assert (result.exit_code, row["runs"]) == (code, 1)
    assert weighty(result) == [("error", "refused", 4, "ack.status")]
    assert "judged 1 of 2 runs" in result.stderr
    assert len(ET.parse(junit).getroot()) == 1


def test_the_command_of_the_nightly_recipe_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folded,) = re.findall(r"run: >\n((?: {10}.*\n)+)", (ROOT / "docs" / "verify.md").read_text(encoding="utf-8"))
    name, *arguments = shlex.split(" ".join(folded.split()))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cassettes").mkdir()
    for cassette in ("day", "known"):
        shutil.copy(PREVIEW, tmp_path / "cassettes" / f"{cassette}.cassette")
    (tmp_path / "cassettes" / "staging.toml").touch()

    listed = CliRunner().invoke(main, [*arguments, "--dry-run"], env={"RECORDER_HEADER_AUTHORIZATION": "Basic eDp5"})

    assert (name, listed.exit_code) == ("recorder", 0), listed.stderr
    assert "no value is missing" in listed.stderr


def test_nothing_is_sent_that_was_not_allowed() -> None:
    with StandIn(PREVIEW, rate="instant") as stand_in:
        result = CliRunner().invoke(main, ["verify", str(PREVIEW), "--to", stand_in.url])
        listed = CliRunner().invoke(main, ["verify", str(PREVIEW), "--dry-run", "--json"])

        assert (result.exit_code, listed.exit_code) == (2, 0)
        assert "--allow UpdateRecord" in result.stderr
        assert len(json.loads(listed.stdout)["steps"]) > 6
        assert not stand_in.played
