"""Errors that are answers to the page."""

from __future__ import annotations

from ..errors import RecorderError


class Gone(RecorderError):
    """A file that is not there any more, or was replaced since the page was loaded."""

    exit_code = 4
