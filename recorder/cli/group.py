"""Find commands (one module each, imported when called), and turn errors into exit codes."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from importlib import import_module
from io import TextIOWrapper
from typing import IO, TYPE_CHECKING, Any

import click

from ..errors import RecorderError
from ..system import IS_WINDOWS
from ..system.signals import ENDS, INTERRUPTS
from .guide.commands import GROUPS, NAMES, WORDS
from .saying import say
from .verdict import failed, flush, owed

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

NEW_OBJECTS = 50_000  # before they are looked through for garbage
_WITH_PROXY = frozenset({"demo", "record"})
_INTERRUPTED = 130  # exit code of a command ended by Ctrl-C, as shells tell it


class Named(click.Group):
    """A group of commands that proposes the command that was meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called; remember the words behind it, for hints about their order.

        Raises:
            UsageError: If there is no such command.
        """
        name, *rest = args
        command = self.get_command(ctx, name)
        if command is None and not ctx.resilient_parsing:
            from .guide.order import no_command

            raise click.UsageError(no_command(name, rest, self.list_commands(ctx), ctx.command_path), ctx)
        ctx.meta[WORDS] = tuple(rest)  # click takes words out of the list
        return name, command, rest


class Commands(Named):
    """The commands by name; the module of a command is imported only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # the signature is click's
        return list(NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # see above
        if cmd_name not in NAMES:
            return None
        module = {"import": "import_"}.get(cmd_name, cmd_name)  # `import` is a keyword of Python
        command: click.Command = import_module(f"..commands.{module}", __name__).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # see above
        """Write the commands in their groups, with a line each; no module of a command is imported for it."""
        longest = max(map(len, NAMES))
        for group, lines in GROUPS.items():
            with formatter.section(group):
                formatter.write_dl([(name.ljust(longest), line) for name, line in lines.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command, with its line; no module of a command is imported for it."""
        from click.shell_completion import CompletionItem

        lines = {name: line for group in GROUPS.values() for name, line in group.items()}
        found = [CompletionItem(name, help=lines[name]) for name in NAMES if name.startswith(incomplete)]
        return found + super(click.Group, self).shell_complete(ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called; the garbage of most is looked for rarely.

        They build much that lives for a while and next to no cycles: Python's own setting takes 5 % of their time.
        mitmproxy makes cycles that hold bodies.
        """
        if args and args[0] not in _WITH_PROXY:
            gc.set_threshold(NEW_OBJECTS)
        return super().resolve_command(ctx, args)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the arguments; this prints the help, if it is asked for."""
        if parent is None:
            _open_streams()
        words = tuple(args)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.NoSuchOption as exc:
            from .guide.order import option_before_command

            say(option_before_command(exc.option_name, words) or _one_line(exc, info_name or "recorder"))
            raise SystemExit(exc.exit_code) from None
        except OSError as exc:
            raise SystemExit(failed(exc)) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; print an error of the recorder or of its usage as one line, and exit with its code."""
        _raise_on_signals()
        result = None
        try:
            result = super().invoke(ctx)
            flush()
        except click.exceptions.NoArgsIsHelpError:
            raise  # click prints the whole help for this error
        except click.UsageError as exc:
            say(_one_line(exc, ctx.command_path))
            ctx.exit(exc.exit_code)
        except RecorderError as exc:
            say(str(exc))
            ctx.exit(exc.exit_code)
        except OSError as exc:
            ctx.exit(failed(exc) or owed(ctx))
        except SystemExit as exc:  # of a command that ends with the exit code of its verdict
            if exc.code:
                raise
            flush()
        except KeyboardInterrupt:
            say("interrupted")
            ctx.exit(_INTERRUPTED)
        if owed(ctx):
            ctx.exit(owed(ctx))
        return result


def _one_line(exc: click.UsageError, path: str) -> str:
    """Return what is wrong with the usage as one line, and the command that shows the help."""
    text = " ".join(exc.format_message().split())
    if isinstance(exc, click.NoSuchOption) and exc.ctx is not None:
        from .guide.nearest import did_you_mean

        known = {option for param in exc.ctx.command.get_params(exc.ctx) for option in param.opts}
        text = f"no such option {exc.option_name}{did_you_mean(exc.option_name, known)}"
    return f"{text} (see {exc.ctx.command_path if exc.ctx else path} --help)"


def _raise_on_signals() -> None:
    """End on SIGTERM, SIGHUP and Ctrl-Break as after Ctrl-C: by an exception, so that temporary files are removed."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in ENDS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):  # nohup ignores SIGHUP
            signal.signal(number, _exit)


def _exit(number: int, _frame: object) -> None:
    for other in ENDS:  # a second one would come into the middle of the end
        signal.signal(other, signal.SIG_IGN)
    if number in INTERRUPTS:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _open_streams() -> None:
    """Open stdout and stderr if they are closed, so that no file gets their numbers.

    What is printed to stdout then is an error, as on a full disk; without stderr there is nobody to be told.
    """
    for number, name, flags in ((1, "stdout", os.O_RDONLY), (2, "stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))
        _make_safe(getattr(sys, name))


def _make_safe(stream: IO[str]) -> None:
    """Let a stream print any text: into files and pipes of Windows as UTF-8 with LF, as on the other systems."""
    if not isinstance(stream, TextIOWrapper):  # a test's
        return
    if IS_WINDOWS and not stream.isatty():
        stream.reconfigure(newline="\n")
        if not os.environ.get("PYTHONIOENCODING"):
            stream.reconfigure(encoding="utf-8")
    if stream.encoding.lower().replace("-", "") != "utf8" and stream.errors == "strict":
        stream.reconfigure(errors="backslashreplace")
