"""The file that keeps the key of pseudonyms, for who wants the same ones in several captures."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from ..errors import UsageError
from ..files import open_regular

_SIZE = 32  # bytes of a new key
_SHORTEST, _LONGEST = 16, 64


def read_key(path: Path) -> bytes:
    """The key in a file; a new one is made, for the user's eyes only, where there is no file. No error shows it.

    Raises:
        UsageError: If others can read the file, it holds no key, or cannot be read or made.

    """
    try:
        with suppress(FileExistsError):
            return _made(path)
        return _read(path)
    except OSError as exc:
        raise UsageError(f"{path}: the key file cannot be used: {exc.strerror}") from exc


def _made(path: Path) -> bytes:
    key = secrets.token_bytes(_SIZE)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123  # a descriptor
        file.write(key)
        file.flush()
        os.fsync(descriptor)
    return key


def _read(path: Path) -> bytes:
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise UsageError(f"{path}: others can read this key file; chmod 600 it, or use a new one")
        key = file.read(_LONGEST + 1)
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise UsageError(f"{path}: holds no key: that has {_SHORTEST} to {_LONGEST} bytes")
    return key
