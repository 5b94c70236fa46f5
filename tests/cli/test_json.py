"""What scripts parse: it is what it was, and what docs/schemas say it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from recorder.cli import main
from recorder.cli.guide.commands import NAMES
from tests.cli.json_commands import CASSETTES, COMMANDS, GOLDEN, ONE, printed

DOCS = Path(__file__).parents[2] / "docs"
# of `replay` and `ca` it is the format of misses (docs/control.md) and of paths of this machine (docs/browsers.md);
# `import` writes a file, see test_exchange; `verify` and `explore` play, see test_verifying and test_exploring; the
# fields of `query` are the user's
OWN = {"explore", "replay", "ca", "import", "query", "verify"}


def closed(schema: Any) -> Any:
    """A schema that takes no field it does not describe; what the documents say may grow, unnoticed it may not."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return inner if "properties" not in schema or "type" not in schema else {"additionalProperties": False, **inner}


SCHEMAS = {path.name: json.loads(path.read_text()) for path in (DOCS / "schemas").glob("*.json")}
REGISTRY: Registry[Any] = Registry().with_resources(
    (name, Resource.from_contents(closed(schema))) for name, schema in SCHEMAS.items()
)


def problems(schema: str, value: Any) -> list[str]:
    validator = Draft202012Validator(closed(SCHEMAS[f"{schema}.schema.json"]), registry=REGISTRY)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_command_prints_for_programs_is_what_it_was(name: str) -> None:
    assert printed(COMMANDS[name][1]) == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name.endswith(".json")])
def test_json_is_as_its_schema_says(name: str) -> None:
    assert problems(COMMANDS[name][0], json.loads((GOLDEN / name).read_text())) == []


@pytest.mark.parametrize("name", [name for name in COMMANDS if name.endswith(".jsonl")])
def test_each_line_is_an_item_of_the_list_its_schema_describes(name: str) -> None:
    rows = [json.loads(line) for line in (GOLDEN / name).read_text().splitlines()]
    schema = COMMANDS[name][0]

    assert rows
    assert [problems(schema, row if schema == "tail" else [row]) for row in rows] == [[]] * len(rows)


def test_the_findings_of_doctor_are_as_its_schema_says(tmp_path: Path) -> None:
    (tmp_path / "torn").write_bytes((CASSETTES / ONE).read_bytes()[:-40])

    findings = json.loads(printed(f"doctor {tmp_path / 'torn'} --json"))

    assert findings
    assert problems("doctor", findings) == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_is_named_in_the_documents(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])

    assert f"schemas/{name}" in (DOCS / "inspection.md").read_text()


@pytest.mark.parametrize("command", [name for name in NAMES if name not in OWN])
def test_each_command_with_an_option_for_programs_has_golden_files(command: str) -> None:
    found = main.get_command(click.Context(main), command)
    assert found is not None
    options = {option for parameter in found.params for option in parameter.opts} & {"--json", "--jsonl"}

    kept = {word for _, line in COMMANDS.values() if line.split()[0] == command for word in line.split()}
    assert options <= kept
