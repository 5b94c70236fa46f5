"""Make the pages of the reference from the code: commands, exit codes, the plugin's options, schemas, dialect keys.

Nothing here is written by hand that the code says: a page cannot be older than the code it was built from.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

import recorder
from recorder import errors, pytest_plugin
from recorder.cli import main

ROOT = Path(__file__).parents[2]
# Pages of `nav` that may be missing.
LATER = frozenset({"view.md", "live.md", "edit.md", "systems.md", "javascript.md"})
GROUPS = {
    "Record": ("record", "import", "ca", "addon", "demo"),
    "Look": ("ls", "show", "explain", "timeline", "grep", "stats", "tail", "report", "view", "diff", "doctor"),
    "Replay, drive, verify": ("replay", "drive", "verify"),
    "Keep and change": ("seal", "slice", "merge", "edit", "recover", "migrate", "convert", "textconv"),
    "Rules": ("dialect", "recorrelate", "policy", "redact", "scan"),
    "Help": ("completion", "help"),
}
LITERAL = "\b"  # click's mark of a paragraph whose lines stay as they are


def pages() -> dict[str, str]:
    """Return the text of each page by its path below docs/."""
    made = dict(_commands())
    made["reference/exit-codes.md"] = _exit_codes()
    made["reference/plugin.md"] = _plugin()
    made["reference/python.md"] = _python()
    made["reference/dialect-keys.md"] = _dialect_keys()
    made["schemas/index.md"] = _schemas()
    return made


def grouped() -> dict[str, list[str]]:
    """Return the names of all commands by group; the groups of the command line count before those of this file."""
    groups = GROUPS
    if find_spec("recorder.cli.guide") is not None:
        groups = import_module("recorder.cli.guide.commands").GROUPS
    known = {name: group for group, members in groups.items() for name in members}
    found: dict[str, list[str]] = defaultdict(list)
    for name in main.list_commands(click.Context(main)):
        found[known.get(name, "Others")].append(name)
    return {group: found[group] for group in [*groups, "Others"] if found[group]}


def _commands() -> Iterator[tuple[str, str]]:
    top = click.Context(main, info_name="recorder")
    for place, (group, names) in enumerate(grouped().items(), 1):
        parts = [f"# {group}", "What `--help` of each command says, made from the code."]
        for name in names:
            command = main.get_command(top, name)
            if command is not None:
                parts += _command(command, top, name, 2)
        slug = re.sub(r"[^a-z]+", "-", group.lower()).strip("-")
        yield f"reference/cli/{place}-{slug}.md", "\n\n".join(parts) + "\n"


def _command(command: click.Command, parent: click.Context, name: str, level: int) -> Iterator[str]:
    ctx = click.Context(command, info_name=name, parent=parent)
    yield f"{'#' * level} {ctx.command_path}"
    yield from _prose(command.help or "")
    usage = " ".join(command.collect_usage_pieces(ctx))
    yield f"```text\n{ctx.command_path} {usage}\n```"
    rows = [record for p in command.get_params(ctx) if (record := p.get_help_record(ctx)) is not None]
    if rows:
        yield "\n".join(
            ["| option | |", "| --- | --- |", *(f"| `{_cell(a)}` | {_cell(b, code=False)} |" for a, b in rows)]
        )
    if isinstance(command, click.Group):
        for below in command.list_commands(ctx):
            found = command.get_command(ctx, below)
            if found is not None:
                yield from _command(found, ctx, below, level + 1)


def _prose(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        if paragraph.lstrip().startswith(LITERAL):
            lines = textwrap.dedent(paragraph.replace(LITERAL, "")).strip("\n")
            yield f"```text\n{lines}\n```"
        else:
            yield _plain(" ".join(paragraph.split()))


def _plain(text: str) -> str:
    """Return a text in which Markdown finds nothing but what stands between backticks."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([<>*_\[\]])", r"\\\1", part) for part in parts)


def _cell(text: str, *, code: bool = True) -> str:
    text = " ".join(text.split()).replace("|", "&#124;" if not code else "\\|")
    return text if code else _plain(text)


def _exit_codes() -> str:
    (told,) = re.findall(r"Exit codes: (.*?)\.", " ".join((main.help or "").split()))
    rows = [f"| {code} | {words} |" for code, words in (entry.split(" ", 1) for entry in told.split(", "))]
    tree = (errors.__doc__ or "").partition("\n\n")[2]
    lines = [
        "# Exit codes",
        "All commands use these, each for one thing.",
        "| code | |\n| --- | --- |\n" + "\n".join(rows),
    ]
    lines += ["`recorder drive` and `recorder verify` have tables of their own: [drive](../drive.md#output), "]
    lines[-1] += "[verify](../verify.md#output-and-exit-codes)."
    lines += ["## Errors, and their codes", "```text\n" + tree.partition("\n\nEach message")[0] + "\n```"]
    return "\n\n".join(lines) + "\n"


class _Group:
    """Collect the options that the plugin declares."""

    def __init__(self) -> None:
        self.options: list[tuple[str, str, str]] = []
        self.ini: list[tuple[str, str, str]] = []

    def getgroup(self, *_: str) -> _Group:
        return self

    def addoption(self, name: str, **how: Any) -> None:
        self.options.append((name, str(how.get("metavar", "")), str(how.get("help", ""))))

    def addini(self, name: str, text: str, type: str = "string", default: Any = "") -> None:  # noqa: A002  # pytest's name
        self.ini.append(
            (name, f"{default!r}" if default not in ("", None, []) else type if type != "string" else "", text)
        )


def _plugin() -> str:
    found = _Group()
    pytest_plugin.pytest_addoption(found)  # type: ignore[arg-type]  # it takes what has these three methods
    lines = ["# Options of the pytest plugin", "Made from the code; [Testing with pytest](../pytest.md) explains them."]
    lines += ["## Command line", "| option | |\n| --- | --- |"]
    lines[-1] += "".join(f"\n| `{_cell(f'{a} {b}'.strip())}` | {_cell(c, code=False)} |" for a, b, c in found.options)
    lines += ["## Ini file", "| option | default | |\n| --- | --- | --- |"]
    lines[-1] += "".join(f"\n| `{a}` | {f'`{b}`' if b else ''} | {_cell(c, code=False)} |" for a, b, c in found.ini)
    lines += ["## Marker", f"`{pytest_plugin.MARKER}`", "::: recorder.plugin.settings.Settings"]
    return "\n\n".join(lines) + "\n"


def _python() -> str:
    lines = ["# Python API", "Made from the docstrings; [From Python](../api.md) shows how the names are used."]
    for name in recorder.__all__:
        value = getattr(recorder, name)
        if isinstance(value, type):
            lines.append(f"::: {value.__module__}.{value.__qualname__}")
    return "\n\n".join(lines) + "\n"


def _dialect_keys() -> str:
    page = (ROOT / "docs" / "dialects.md").read_text(encoding="utf-8")
    (every,) = re.findall(r"^```toml all\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return (
        "# Keys of a dialect\n\nAll keys that a dialect may have, with what they are for. The block is that of "
        "[the how-to](../dialects.md#every-key), which explains each; a test holds it to the parser.\n\n"
        f"```toml\n{every}```\n"
    )


def _schemas() -> str:
    rows = []
    for path in sorted((ROOT / "docs" / "schemas").glob("*.schema.json")):
        text = json.loads(path.read_text(encoding="utf-8")).get("description", "")
        rows.append(f"| [{path.name}]({path.name}) | {_cell(text, code=False)} |")
    return (
        "# JSON schemas\n\nWhat `--json` prints, as JSON Schema 2020-12. Fields may be added; none will go or change "
        "its meaning.\n\n| schema | |\n| --- | --- |\n" + "\n".join(rows) + "\n"
    )
