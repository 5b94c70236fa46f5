"""Read or make the key file of the pseudonyms. With one key, a value has one pseudonym in several captures."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from ..errors import UsageError
from ..files import open_regular
from ..output import replacing
from ..system.rights import others_can_read

_SIZE = 32  # bytes of a new key
_SHORTEST, _LONGEST = 16, 64  # bytes of a key; 64 is the most that blake2b takes


def read_key(path: Path) -> bytes:
    """Return the key in a file; make the file, readable by its owner only, if there is none.

    The key is in no error message.

    Raises:
        UsageError: If other users can read the file, it does not hold 16 to 64 bytes, or it cannot be read.
        OutputError: If the file cannot be made.

    """
    try:
        if not os.path.lexists(path):  # a link that leads nowhere is the user's mistake
            with suppress(UsageError):  # another process made it meanwhile
                return _made(path)
        return _read(path)
    except OSError as exc:
        raise UsageError(f"{path}: the key file cannot be used: {exc.strerror}") from exc


def _made(path: Path) -> bytes:
    key = secrets.token_bytes(_SIZE)
    with replacing(path, private=True) as file:
        file.write(key)
    return key


def _read(path: Path) -> bytes:
    with open_regular(path) as file:
        if others_can_read(os.fstat(file.fileno())):
            raise UsageError(f"{path}: other users can read this key file; run chmod 600 on it, or name a new file")
        key = file.read(_LONGEST + 1)
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise UsageError(f"{path}: this file holds no key; a key has {_SHORTEST} to {_LONGEST} bytes")
    return key
