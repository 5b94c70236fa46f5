"""Show Bayeux messages in mitmproxy, mitmweb and mitmdump: mark events, indent JSON.

mitmweb -s addons/contentview.py [-s addons/record.py --set cassette=session.cassette --set recorder_comments=true]
"""

from __future__ import annotations

from typing import Any

from mitmproxy import addonmanager, contentviews, http

from recorder.views.messages import pretty

# mitmproxy 12 brought the class `Contentview`, and logs a warning for every view of the old class `View`
_OLD = not hasattr(contentviews, "Contentview")
_View: Any = contentviews.View if _OLD else getattr(contentviews, "Contentview")  # noqa: B009  # 11 has no such name


class Bayeux(_View):  # type: ignore[misc]  # the base class is known only at run time
    name = "Bayeux"
    syntax_highlight = "yaml"

    def prettify(self, data: bytes, metadata: Any) -> str:
        text = pretty(data, _target(metadata.http_message))
        if text is None:
            raise ValueError("no Bayeux messages")
        return text

    def render_priority(self, data: bytes, metadata: Any = None, **before_12: Any) -> float:
        message = metadata.http_message if metadata is not None else before_12.get("http_message")
        return 2 if pretty(data, _target(message)) is not None else -1  # mitmproxy's own JSON view has priority 1

    def __call__(self, data: bytes, **before_12: Any) -> tuple[str, list[list[tuple[str, str]]]] | None:
        text = pretty(data, _target(before_12.get("http_message")))
        return None if text is None else (self.name, [[("text", line)] for line in text.splitlines()])


def _target(message: http.Message | None) -> str:
    return message.path if isinstance(message, http.Request) else ""


class Views:
    def __init__(self) -> None:
        self._view = Bayeux()

    def load(self, _: addonmanager.Loader) -> None:
        contentviews.add(self._view)

    def done(self) -> None:
        if _OLD:  # mitmproxy 12 replaces a view of the same name when the script is loaded again
            contentviews.remove(self._view)


addons = [Views()]
