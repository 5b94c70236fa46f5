"""How commands are found (one module each, imported when called) and how errors end them."""

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
    """The commands by name; a command's engine is imported only when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's
        if cmd_name not in NAMES:
            return None
        module = {"import": "import_"}.get(cmd_name, cmd_name)  # a word of Python's own
        command: click.Command = import_module(f"..commands.{module}", __name__).command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of ours, or in how it was called, is one line and its exit code."""
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as exc:
            path = exc.ctx.command_path if exc.ctx else ctx.command_path
            say(f"{' '.join(exc.format_message().split())} (see {path} --help)")
            ctx.exit(exc.exit_code)
        except RecorderError as exc:
            say(str(exc))
            ctx.exit(exc.exit_code)
        except BrokenPipeError:
            # the reader of our output has enough (`| head`); spare the interpreter's own complaint at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
