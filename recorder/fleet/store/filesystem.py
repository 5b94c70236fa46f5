"""Find the file system that a URL belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UsageError
from ...files import is_url

__all__ = ["filesystem_of", "is_url"]

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


def filesystem_of(url: str) -> tuple[AbstractFileSystem, str]:
    """Return the file system of a URL, and the path of the URL in it; nothing is read.

    Logins and endpoints come from the environment and the files of the library for that scheme.

    Raises:
        UsageError: If there is no library for its scheme.
    """
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415  # an extra, and slow to import

        found: tuple[AbstractFileSystem, str] = url_to_fs(url)
    except ImportError as exc:
        raise UsageError(f"{url}: needs a library: pip install 'outbound-recorder[store]' ({exc})") from exc
    except ValueError as exc:
        raise UsageError(f"{url}: cannot be opened: {exc}") from exc
    return found
