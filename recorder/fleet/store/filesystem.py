"""Find the file system that a URL belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import InputError, UsageError
from ...files import is_url, without_secrets
from .problems import told
from .problems import without_secrets as said

__all__ = ["filesystem_of", "is_url"]

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


def filesystem_of(url: str) -> tuple[AbstractFileSystem, str]:
    """Return the file system of a URL, and the path of the URL in it; nothing is read.

    Logins and endpoints come from the environment and the files of the library for that scheme.

    Raises:
        UsageError: If there is no library for its scheme.
        InputError: If the library needs a connection at once, and cannot have it.
    """
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415  # an extra, and slow to import

        found: tuple[AbstractFileSystem, str] = url_to_fs(url)
    except ImportError as exc:
        hint = f"pip install 'outbound-recorder[store]' ({said(str(exc))})"
        raise UsageError(f"{without_secrets(url)}: needs a library: {hint}") from exc
    except (ValueError, TypeError, KeyError) as exc:  # of a URL, or of a setting in the environment
        raise UsageError(f"{without_secrets(url)}: cannot be opened: {said(str(exc))}") from exc
    except Exception as exc:  # each library has errors of its own, and some ask their server at once
        raise InputError(f"{without_secrets(url)}: cannot be opened: {told(exc).strerror}") from exc
    return found
