"""Compile URL paths with named parts, as in dialects and policies: `/api/v2/me/outbound-records/{handle}`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .mistakes.templates import PATH, in_template
from .mistakes.words import quoted
from .tables import Table


def route(template: str) -> re.Pattern[str]:
    """Compile a template to a pattern for whole paths, with a group for each named part.

    A named part fits one or more characters other than a slash. Of several in one segment each but the last ends where
    the text behind it occurs first: so a path is compared in linear time, also by a template that came with a cassette.

    Raises:
        re.error: If a name is not an identifier, or occurs twice.

    """
    parts = re.split(r"\{(\w+)\}", template)
    literal, names = parts[::2], parts[1::2]
    pattern = re.escape(literal[0])
    for name, text in zip(names, literal[1:], strict=True):
        is_last = "/" in text or name is names[-1]
        pattern += f"(?P<{name}>[^/]+){re.escape(text)}" if is_last else f"(?>(?P<{name}>[^/]+?){re.escape(text)})"
    return re.compile(pattern)


def routes(table: Table, key: str, templates: Iterable[str], *, kind: str = PATH) -> Iterator[re.Pattern[str]]:
    """Yield the pattern of each template of paths, channels or topics; report the mistakes in the others."""
    for template in templates:
        found = in_template(template, kind)
        if found is None:
            yield route(template)
        else:
            table.wrong(key, f"{template!r} {found.cause}; write {quoted(found.meant)}", item=template)
