"""Define the options of the commands that play the client's side, and make a drive of them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ...errors import UsageError
from ..loading import hint_if_none, rules_of, warn
from ..options import OUTPUT, InputFile, Rate, dialect_option, force_option, json_option, offers, recorded_policy_option
from ..writing import add_input, must_be_writable

if TYPE_CHECKING:
    from ...api.drive import Drive

F = TypeVar("F", bound=Callable[..., Any])


class SettingsFile(click.Path):
    """The path of an existing file of settings that a command reads, and must not write to."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path, and remember it as an input of the command."""
        path = Path(str(super().convert(value, param, ctx)))
        add_input(path, is_content=False)
        return path


class TrustedFile(click.Path):
    """The path of an existing file or folder of certificates."""

    def __init__(self) -> None:
        super().__init__(exists=True, path_type=Path)


def _one(_context: click.Context, _parameter: click.Parameter, given: tuple[Path, ...]) -> Path:
    """Return the cassette of a command that plays one."""
    if len(given) > 1:
        names = shlex.join(map(str, given))
        raise UsageError(
            f"give one cassette, not {len(given)}: recorder merge {names} -o whole.cassette makes one of them"
        )
    return given[0]


RATE_OPTION = click.option(
    "--rate",
    type=Rate(),
    default="1",
    show_default=True,
    help="Pace of think times: 1 as recorded, 10 ten times as fast, instant without them.",
)
SESSIONS = click.option(
    "--sessions",
    "--session",
    "sessions",
    metavar="LABEL[,LABEL]",
    multiple=True,
    help="Play these sessions only, e.g. s1 (see recorder ls). May be repeated.",
)
PERMISSIONS = (
    click.option(
        "--allow",
        metavar="NAME",
        multiple=True,
        help="Allow an operation, 'METHOD /path', 'PUBLISH /channel' or 'MESSAGE /path'. May be repeated.",
    ),
    click.option("--allow-all", is_flag=True, help="Allow all recorded requests."),
    click.option("--dry-run", is_flag=True, help="List the requests, and send nothing; needs no --to."),
)
PATIENCE_OPTIONS = (
    click.option(
        "--patience",
        metavar="SECONDS",
        type=click.FloatRange(min=0, min_open=True),
        default=5.0,
        show_default=True,
        help="Shortest time to wait for an answer or event; three times the recorded latency if that is longer.",
    ),
    click.option(
        "--settle",
        metavar="SECONDS",
        type=click.FloatRange(min=0),
        default=0.5,
        show_default=True,
        help="Time to wait at the end for events that were not recorded.",
    ),
)
TRUST = (
    click.option(
        "--send-recorded-credentials",
        is_flag=True,
        help="Send the tokens in an unredacted cassette to a host other than the recorded one.",
    ),
    click.option(
        "--insecure",
        is_flag=True,
        help="Accept any certificate of the server. Another machine may then read the traffic.",
    ),
    click.option(
        "--upstream-ca",
        metavar="FILE",
        multiple=True,
        type=TrustedFile(),
        help="PEM file, or folder of hashed certificates, to trust in addition to the public CAs. May be repeated.",
    ),
)
_BEFORE = (
    click.argument(
        "cassette",
        metavar="FILE",
        type=InputFile(),
        nargs=-1,
        required=True,
        callback=_one,
        shell_complete=offers("cassettes"),
    ),
    click.option("--to", metavar="URL", default="", help="Server to send to, e.g. http://staging.example:8090."),
    click.option("-o", "--output", type=OUTPUT, help="Cassette to write, with the redacted traffic of the run."),
    force_option,
    RATE_OPTION,
    SESSIONS,
    click.option(
        "--values",
        metavar="FILE",
        type=SettingsFile(),
        help="TOML file with values for pseudonyms, keys, headers and the login (docs/drive.md).",
    ),
    *PERMISSIONS,
)
_AFTER = (
    *PATIENCE_OPTIONS,
    click.option("--repeat", metavar="N", type=click.IntRange(1), default=1, show_default=True, help="Number of runs."),
    *TRUST,
    click.option("--seed", type=int, metavar="N", help="Seed of the generated ids: equal seeds give equal ids."),
    dialect_option,
    recorded_policy_option,
    json_option,
)


def on_missing_option(default: str) -> Callable[[F], F]:
    """Return the option that says what to do about what does not come."""
    return click.option(
        "--on-missing",
        type=click.Choice(["stop", "skip", "send"]),
        default=default,
        show_default=True,
        help="If an answer or event does not come: stop the run, skip the steps that need it, or send these steps.",
    )


def drive_options(*, on_missing: str) -> Callable[[F], F]:
    """Return a decorator that adds the cassette and the options of a drive to a command.

    Args:
        on_missing: Default of --on-missing.
    """

    def add(command: F) -> F:
        for one in reversed((*_BEFORE, on_missing_option(on_missing), *_AFTER)):
            command = one(command)
        return command

    return add


def drive_of(cassette: Path, given: dict[str, Any]) -> Drive:
    """Read a cassette and make a drive of it by the options of `drive_options`; say on stderr what is odd about it.

    Nothing is sent.

    Raises:
        UsageError: If there is no --to outside of a dry run, or an option cannot be used.
        CassetteError: If the cassette cannot be read.
        SettingsError: If the dialect, the policy or the values have a mistake.
    """
    from ...api.drive import Drive

    if not given["to"] and not given["dry_run"]:
        raise UsageError(
            f"name the server to send to: --to http://staging.example:8090; --dry-run lists what {cassette} would send"
        )
    for output in outputs(given["output"], given["repeat"]):
        must_be_writable(output, force=given["force"])
    drive = Drive(
        cassette,
        given["to"],
        force=given["force"],
        rate=given["rate"],
        sessions=labels(given["sessions"]),
        values=given["values"],
        allow=given["allow"],
        allow_all=given["allow_all"],
        on_missing=given["on_missing"],
        patience=given["patience"],
        settle=given["settle"],
        send_recorded_credentials=given["send_recorded_credentials"],
        insecure=given["insecure"],
        upstream_ca=given["upstream_ca"],
        seed=given["seed"],
        dialect=given["dialect"],
        policy=given["policy"],
    )
    held = drive.cassette
    warn(held.torn)
    rules = rules_of(held.header, given["dialect"])
    hint_if_none(drive.recording.triples, held.header, held.records, rules.name)
    return drive


def labels(given: Iterable[str]) -> list[str]:
    """Return the labels in texts such as `s1,s3`."""
    return [label for text in given for label in text.split(",") if label]


def outputs(first: Path | None, count: int) -> list[Path]:
    """Return the cassettes of so many runs: `live.cassette`, `live-2.cassette` …; none without a first."""
    if first is None:
        return []
    from ...capture.parts import part_path

    return [part_path(first, number) for number in range(1, count + 1)]
