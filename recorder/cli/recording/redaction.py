"""Read the redaction options of the commands that record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import UsageError
from ..saying import say

if TYPE_CHECKING:
    from ...redaction.policy import Policy


def redaction(policy: str, key_file: Path | None, *, off: bool) -> tuple[Policy | None, bytes | None]:
    """Return the policy and the key of its pseudonyms.

    Without redaction both are None. Without a key file the key is None, and the caller makes a random one.

    Raises:
        UsageError: If redaction is off and a policy or a key file is given, or the key file cannot be used.
        PolicyError: If the policy has a mistake.
    """
    from ...capture.keys import read_key
    from ...redaction.policy import DEFAULT, load

    if not off:
        return load(policy), read_key(key_file) if key_file else None
    if key_file or policy != DEFAULT:
        raise UsageError("--no-redaction excludes --policy and --redaction-key-file: no value is replaced")
    say("WARNING: redaction is off, the cassette will hold secrets in the clear")
    return None, None
