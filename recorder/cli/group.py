"""Find commands (one module each, imported when called), and turn errors into exit codes."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click

from ..errors import RecorderError
from .saying import say

NAMES = (
    "addon", "completion", "convert", "demo", "dialect", "diff", "doctor", "explain", "grep", "import", "ls", "merge",
    "migrate", "policy", "record", "recorrelate", "recover", "redact", "replay", "report", "scan", "seal", "show",
    "slice", "stats", "tail", "textconv", "timeline",
)  # fmt: skip


class Commands(click.Group):
    """The commands by name; the module of a command is imported only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # the signature is click's
        return list(NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # see above
        if cmd_name not in NAMES:
            return None
        module = {"import": "import_"}.get(cmd_name, cmd_name)  # `import` is a keyword of Python
        command: click.Command = import_module(f"..commands.{module}", __name__).command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; print an error of the recorder or of its usage as one line, and exit with its code."""
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise  # click prints the whole help for this error
        except click.UsageError as exc:
            path = exc.ctx.command_path if exc.ctx else ctx.command_path
            say(f"{' '.join(exc.format_message().split())} (see {path} --help)")
            ctx.exit(exc.exit_code)
        except RecorderError as exc:
            say(str(exc))
            ctx.exit(exc.exit_code)
        except BrokenPipeError:
            # the reader of the output closed the pipe (`| head`); without /dev/null, Python's flush at exit fails
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
