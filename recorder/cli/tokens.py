"""Read the tokens of a stand-in from files and from the environment, never from the command line."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ..errors import UsageError
from ..files import open_regular
from ..system.rights import others_can_read

CONTROL_TOKEN = "RECORDER_CONTROL_TOKEN"  # noqa: S105  # the environment variable's name
_LONGEST = 4096  # bytes of a file with a token


class TokenFile(click.ParamType):  # type: ignore[type-arg]  # generic in its stubs only
    """The file of a token; gives the token. The argument is in no message: it may be the token itself."""

    name = "FILE"

    def __init__(self, variable: str) -> None:
        """Name the environment variable that may hold the token instead."""
        self._variable = variable

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the token; report a mistake as a usage error."""
        path = Path(str(value))
        try:
            return read_token(path)
        except UsageError as exc:
            self.fail(str(exc), param, ctx)
        except OSError:
            self.fail(
                "there is no such file that can be read; the token is read from a file or from "
                f"{self._variable}, because a process list shows arguments: write it into a file with mode 600",
                param,
                ctx,
            )


def read_token(path: Path, what: str = "token") -> str:
    """Return the token in a file, without the line break at its end.

    Args:
        path: The file.
        what: The kind of secret, for messages.

    Raises:
        OSError: If the file cannot be opened.
        UsageError: If other users can read the file, or if it holds no token.

    """
    with open_regular(path) as file:
        if others_can_read(os.fstat(file.fileno())):
            raise UsageError(
                f"{path}: other users can read this {what}; run chmod 600 on the file, and make a new {what}"
            )
        content = file.read(_LONGEST + 1)
    try:
        token = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        token = ""
    if not token.strip() or len(token.splitlines()) > 1 or len(content) > _LONGEST:
        raise UsageError(f"{path}: this file holds no {what}; write one line of text into it")
    return token


def token_of(given: str | None, variable: str) -> str | None:
    """Return a token: the one of an option, else that of an environment variable; None if neither is there.

    Raises:
        UsageError: If the variable is set, but empty: the user means to protect something.

    """
    if given is not None:
        return given
    token = os.environ.get(variable)
    if token is not None and not token.strip():
        raise UsageError(f"{variable} is empty; set it to the token, or unset it")
    return token
