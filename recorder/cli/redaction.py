"""By what the commands that record redact."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .saying import say

if TYPE_CHECKING:
    from ..redaction.policy import Policy


def redaction(policy: str, key_file: Path | None, *, off: bool) -> tuple[Policy | None, bytes | None]:
    """By what to redact, and under which key; None for a key that nobody learns.

    Raises:
        UsageError: If redaction is off and a policy or a key is given, or the key cannot be used.
        PolicyError: If the policy has a mistake.
    """
    from ..capture.keys import read_key
    from ..redaction.policy import DEFAULT, load

    if not off:
        return load(policy), read_key(key_file) if key_file else None
    if key_file or policy != DEFAULT:
        raise UsageError("--no-redaction takes neither --policy nor --redaction-key-file: nothing is replaced")
    say("WARNING: redaction is off, the cassette will hold secrets in the clear")
    return None, None
