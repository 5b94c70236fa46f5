"""Make the man page recorder.1 from the help texts of the command line: `make docs` writes it to build/man.

One page has all commands, so that a search in it finds any option. It is not in the wheel: pip installs no man pages
where man looks for them, and `recorder help COMMAND` prints the same.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import reference  # noqa: E402  # found by the line above

from recorder import __version__  # noqa: E402  # of this checkout, not of an installed one
from recorder.cli import main  # noqa: E402  # likewise


def page() -> str:
    """Return the text of the man page, in the language of man(7)."""
    root = click.Context(main, info_name="recorder")
    lines = [f'.TH RECORDER 1 "" "outbound-recorder {__version__}" "User Commands"', ".SH NAME"]
    lines += ["recorder \\- record and replay contact\\-centre desktops by cause"]
    lines += [".SH SYNOPSIS", "\\fBrecorder\\fR COMMAND [OPTIONS] [ARGUMENTS]", ".SH DESCRIPTION", *_text(main.help)]
    for group, names in reference.grouped().items():
        lines.append(f".SH {group.upper()}")
        for name in names:
            command = main.get_command(root, name)
            if command is not None and not command.hidden:
                lines += _command(command, click.Context(command, info_name=name, parent=root))
    return "\n".join(lines) + "\n"


def _command(command: click.Command, ctx: click.Context) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(ctx))
    yield f".SS {_escaped(ctx.command_path)} {_escaped(usage)}"
    yield from _text(command.help)
    records = filter(None, (parameter.get_help_record(ctx) for parameter in command.get_params(ctx)))
    for names, told in records:
        yield from (".TP", f"\\fB{_escaped(names)}\\fR", _escaped(" ".join(told.split())))
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            if below is not None and not below.hidden:
                yield from _command(below, click.Context(below, info_name=name, parent=ctx))


def _text(text: str | None) -> Iterator[str]:
    """Yield the paragraphs of a help text; those with click's mark keep their lines."""
    for paragraph in re.split(r"\n\s*\n", (text or "").strip()):
        kept = paragraph.strip().startswith(reference.LITERAL)
        lines = [_escaped(line) for line in paragraph.replace(reference.LITERAL, "").splitlines() if line.strip()]
        yield from (".PP", *((".nf", *lines, ".fi") if kept else (line.strip() for line in lines)))


def _escaped(text: str) -> str:
    plain = text.replace("\\", "\\e").replace("-", "\\-")
    plain = "".join(one if one.isascii() else f"\\[u{ord(one):04X}]" for one in plain)
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(), encoding="utf-8")
