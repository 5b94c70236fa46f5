"""Define the arguments and options that several commands share."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..files import Remote, is_url
from ..loopback import LOOPBACK, is_loopback
from .guide.commands import WORDS
from .saying import say
from .writing import add_input

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Command = TypeVar("Command", bound=Callable[..., Any])


def offers(what: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Return a completion function for click, by the name of a function of `completing`, imported when a shell asks."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from . import completing

        found: list[CompletionItem] = getattr(completing, what)(context, parameter, incomplete)
        return found

    return complete


class InputFile(click.Path):
    """The path of an existing file that a command reads, and must not write to."""

    def __init__(self, *, at_url: bool = True) -> None:
        """Take paths of files; the command itself reports a file that it cannot open, with exit code 4.

        Args:
            at_url: Take URLs, too.
        """
        super().__init__(exists=True, dir_okay=False, readable=False, path_type=Path)
        self._at_url = at_url

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path, and remember it as an input of the command; a missing file is told with the one meant."""
        if is_url(os.fspath(value)):
            if not self._at_url:
                self.fail(f"{_shown(value)} is a URL; name a file on this machine", param, ctx)
            return _at_url(os.fspath(value), param, ctx)
        try:
            path = Path(str(super().convert(value, param, ctx)))
        except click.BadParameter as exc:
            hint = _hint(Path(os.fspath(value)), ctx)
            if not hint:
                raise
            raise click.BadParameter(f"{exc.message.rstrip('.')}; {hint}", ctx, param) from exc
        add_input(path, is_content=True)
        return path


def _shown(url: Any) -> str:
    """Return a URL without its secrets."""
    return str(Remote(os.fspath(url)))


def _at_url(url: str, param: click.Parameter | None, ctx: click.Context | None) -> Path:
    """Return the path of a file at a URL; where several files are taken, of a pattern too (see `found_at_urls`)."""
    from ..fleet.store.places import is_pattern, place

    path = place(url)
    is_one_of = param is not None and param.nargs == -1
    if (ctx is None or not ctx.resilient_parsing) and not (is_one_of and is_pattern(path)):
        _must_exist(path, param, ctx)
    add_input(path, is_content=True)
    return path


def _must_exist(path: Path, param: click.Parameter | None, ctx: click.Context | None) -> None:
    from ..fleet.store.places import is_pattern

    try:
        path.stat()
    except FileNotFoundError as exc:
        hint = "; one file is wanted here, and no pattern" if is_pattern(path) else ""
        raise click.BadParameter(f"{path} does not exist{hint}.", ctx, param) from exc


def _hint(path: Path, ctx: click.Context | None) -> str:
    """Return what the user meant by a file that is not there; "" if that is not known."""
    from .guide.nearest import near_file
    from .guide.order import swapped

    if path.exists():
        return ""
    line = swapped(ctx.command_path, str(path), ctx.meta.get(WORDS, ())) if ctx is not None else None
    found = near_file(path)
    return line or (f"did you mean {found}?" if found else "")


class NameOrFile(click.ParamType):  # type: ignore[type-arg]  # generic in its stubs only
    """A shipped name, or the path of a file of settings that a command reads, and must not write to."""

    name = "NAME|FILE"

    def __init__(self, *, at_url: bool = False) -> None:
        """Take names and paths.

        Args:
            at_url: Take URLs of cassettes, too.
        """
        self._at_url = at_url

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text; if it is the path of a file, remember the file as an input of the command."""
        if is_url(str(value)):
            if not self._at_url:
                self.fail(f"{_shown(value)} is a URL; name a file on this machine", param, ctx)
            return str(value)
        if Path(str(value)).is_file():
            add_input(Path(str(value)), is_content=False)
        return str(value)


class DialectSource(NameOrFile):
    """The name of a shipped dialect, or the path of a dialect file, which is checked before the command begins."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, after the dialect was read.

        Raises:
            DialectError: If there is no such dialect, or it has a mistake.

        """
        source = super().convert(value, param, ctx)
        if ctx is None or not ctx.resilient_parsing:  # a completion must not end with an error
            from ..dialect.definition import load

            load(source)
        return source


class KeyFile(click.Path):
    """The path of a key file, which is created if it is missing."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path, and remember it as an input of the command."""
        path = Path(str(super().convert(value, param, ctx)))
        add_input(path, is_content=False)
        return path


class OutputFile(click.Path):
    """The path of a file that a command writes."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, readable=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path; refuse a text that is no name of a file."""
        text = os.fspath(value)
        if is_url(text):
            from ..fleet.store.places import place

            return place(text)
        if not text or text.endswith(("/", "/.", "/..")):
            self.fail(f"{text!r} names a folder; add the name of a file", param, ctx)
        if text == "-":
            self.fail("'-' is not stdout here; leave the option out to print, or write ./- for a file", param, ctx)
        return Path(str(super().convert(value, param, ctx)))


def found_at_urls(context: click.Context, param: click.Parameter, paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the files, with those that fit a pattern of a URL in its place; a shell expands other patterns itself."""
    if context.resilient_parsing or not any(isinstance(path, Remote) for path in paths):
        return paths
    from ..fleet.store.places import found, is_pattern

    every: list[Path] = []
    for path in paths:
        fitting = found(path) if isinstance(path, Remote) and is_pattern(path) else [path]
        if not fitting:
            raise click.BadParameter(f"no file fits {path}.", context, param)
        every += fitting
    return tuple(every)


def _gathered(context: click.Context, param: click.Parameter, paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the cassettes with the parts of each capture as one; say on stderr what is missing of it."""
    paths = found_at_urls(context, param, paths)
    if len(paths) < 2:
        return paths
    from ..library.parts import gathered

    found, told = gathered(paths)
    for line in told:
        say(line)
    return tuple(found)


OUTPUT = OutputFile()

cassette_argument = click.argument(
    "cassette",
    metavar="FILE",
    type=InputFile(),
    shell_complete=offers("cassettes"),
)
files_argument = click.argument(
    "cassettes",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=InputFile(),
    callback=found_at_urls,
    shell_complete=offers("cassettes"),
)
# the same, with the parts of one capture as one cassette
cassettes_argument = click.argument(
    "cassettes",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=InputFile(),
    callback=_gathered,
    shell_complete=offers("cassettes"),
)
output_option = click.option("-o", "--output", type=OUTPUT, help="File to write.")
new_cassette_option = click.option("-o", "--output", required=True, type=OUTPUT, help="Cassette to write.")
force_option = click.option("--force", is_flag=True, help="Overwrite the output file if it exists.")

filter_option = click.option(
    "-f",
    "--filter",
    "wanted",
    metavar="EXPR",
    help="Select triples by a filter, e.g. 'op:Get* ack:>500 or state:failed'.",
    shell_complete=offers("filters"),
)
limit_option = click.option(
    "--limit", metavar="N", type=click.IntRange(min=0), help="Take only the first N triples of each cassette."
)
jsonl_option = click.option("--jsonl", "as_lines", is_flag=True, help="Print JSON Lines, one row per line.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def _processes(_: click.Context, __: click.Parameter, value: int | None) -> int:
    from .jobs import available

    return value or available()


jobs_option = click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(1),
    callback=_processes,
    help="Number of processes that read; by default one for each processor.",
)


def _dialect(text: str) -> Callable[[Command], Command]:
    return click.option(
        "--dialect", metavar="NAME|FILE", type=DialectSource(), help=text, shell_complete=offers("dialects")
    )


dialect_option = _dialect("Read the cassette by this dialect instead of its own.")
new_dialect_option = _dialect("Dialect of the API (see recorder dialect); by default the shipped one that fits.")

policy_option = click.option(
    "--policy",
    metavar="NAME|FILE",
    type=NameOrFile(),
    default="gws",
    show_default=True,
    help="Redaction policy: the values that must not be kept (see recorder policy).",
    shell_complete=offers("policies"),
)
recorded_policy_option = click.option(
    "--policy",
    metavar="NAME|FILE",
    type=NameOrFile(),
    help="Policy by which the cassette was redacted, if it is not a shipped one.",
    shell_complete=offers("policies"),
)
key_option = click.option(
    "--redaction-key-file",
    "key_file",
    metavar="FILE",
    type=KeyFile(),
    help="File with the key of the pseudonyms: one key gives equal pseudonyms in all cassettes. Created if missing.",
)
no_redaction_option = click.option(
    "--no-redaction", is_flag=True, help="Store secrets in the clear; the header of the cassette says so."
)


class WithProgram(click.Command):
    """A command whose words end at the first `--`; the words behind it are a program and its arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words before the first `--`; keep those behind it as the program."""
        end = args.index("--") if "--" in args else len(args)
        left = super().parse_args(ctx, args[:end])
        if ctx.params.get("program") and not ctx.resilient_parsing:
            raise click.UsageError("write -- before the command to run", ctx)
        program = tuple(args[end + 1 :])
        if program and not program[0].strip() and not ctx.resilient_parsing:  # such as "$CLIENT"
            raise click.UsageError("the command behind -- is empty, as of a variable that is not set: name it", ctx)
        ctx.params["program"] = program
        return left

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the words of the usage; click takes no argument of many words behind another one."""
        pieces = super().collect_usage_pieces(ctx)
        return pieces if any(param.name == "program" for param in self.params) else [*pieces, "-- CMD..."]


class Listen(click.ParamType):  # type: ignore[type-arg]  # generic in its stubs only
    """A parameter HOST:PORT, :PORT or PORT; port 0 takes a free port."""

    name = "HOST:PORT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Parse the text into host (default 127.0.0.1) and port; report a mistake as a usage error."""
        if isinstance(value, tuple):
            return value
        host, _, port = str(value).rpartition(":")
        if not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
            self.fail(f"{value!r} is not HOST:PORT, e.g. 127.0.0.1:8080", param, ctx)
        host = host.strip("[]")
        if ":" in host and not _is_address(host):
            self.fail(f"{value!r} is not HOST:PORT; write an IPv6 address in brackets, e.g. [::1]:8080", param, ctx)
        return host or LOOPBACK, int(port)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class Finite(click.FloatRange):
    """A finite number in a range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it; fails as click's parameters do."""
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"{value!r} is no finite number", param, ctx)
        return found


class Rate(click.ParamType):  # type: ignore[type-arg]  # generic in its stubs only
    """A positive number, or `instant`."""

    name = "N|instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it; fails as click's parameters do."""
        if value == "instant":
            return math.inf
        try:
            rate = float(str(value))
        except ValueError:
            rate = 0.0
        if not 0 < rate < math.inf:
            self.fail(f"{value!r} is neither a positive number nor 'instant'", param, ctx)
        return rate


log_option = click.option(
    "--log",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Append the messages of the running server to this file instead of stderr, with times in UTC. SIGHUP reopens"
    " the file.",
)
listen_option = click.option(
    "--listen",
    type=Listen(),
    default="127.0.0.1:0",
    show_default=True,
    help="Address to listen on; port 0 takes a free port.",
)


ca_dir_option = click.option(
    "--ca-dir",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the CA for TLS; ~/.mitmproxy by default.",
)


def warn_if_exposed(host: str) -> None:
    """Print a warning if other machines can connect to `host`."""
    if not is_loopback(host):
        say(f"warning: listening on {host}, other machines can connect")
