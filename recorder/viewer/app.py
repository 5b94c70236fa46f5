"""Answer the requests of the viewer's pages. Sans-IO: requests come in as values, answers go out as values.

    /TOKEN/                    the list of cassettes; /TOKEN/api/list
    /TOKEN/c/K/                cassette K; /TOKEN/c/K/api/NAME
    /TOKEN/diff/A/B/           how cassette B differs from A; /TOKEN/diff/A/B/api/NAME
    /TOKEN/live/               what is recorded or played now; /TOKEN/live/api/NAME
    /TOKEN/view.js, page.css, view.css    the script and the styles

No path of a file comes from a URL: cassettes have numbers, those that their list gave them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias
from urllib.parse import parse_qsl

from ..errors import RecorderError
from . import answers, pages
from .answers import Answer, Request, Stream
from .errors import Gone
from .guard import refused
from .live.port import Live
from .live.routes import live_answer
from .pages import Kind

Given: TypeAlias = Mapping[str, str]
_MOST_FIELDS = 16  # of a query


class Shown(Protocol):
    """One cassette, or two that are compared: what a page of it asks for."""

    title: str

    def ask(self, name: str, given: Given) -> Any:
        """Return the answer to a question: JSON, or an iterator of lines of JSON; None if there is no such question.

        Raises:
            RecorderError: If the cassette cannot be read, or a parameter is wrong.
        """


class Cassettes(Protocol):
    """The cassettes that the command line gave."""

    title: str

    def listed(self) -> Any:
        """Return the list of cassettes as JSON."""

    def cassette(self, number: int) -> Shown | None:
        """Return a cassette by its number, None if there is none."""

    def compared(self, old: int, new: int) -> Shown | None:
        """Return two cassettes that are compared, None if one of them is not there."""


class App:
    """The answers of a viewer.

    Attributes:
        prefix: Path of the list of cassettes.
    """

    def __init__(
        self,
        cassettes: Cassettes,
        token: str,
        *,
        port: int,
        live: Live | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take what the pages show.

        Args:
            cassettes: The cassettes.
            token: The secret of the path.
            port: The port that the server listens on.
            live: What is recorded or played now; None for nothing.
            tell: Called with a line about a fault of the viewer itself.
        """
        self._cassettes, self._token, self._port, self._live, self._tell = cassettes, token, port, live, tell
        self.prefix = f"/{token}/"

    def answer(self, request: Request) -> Answer | Stream:
        """Return the answer to a request; an error of any kind is an answer, too."""
        no = refused(request, self._token, self._port)
        if no is not None:
            return no
        try:
            return self._routed(request)
        except RecorderError as exc:
            gone = {"gone": True} if isinstance(exc, Gone) else {}
            return answers.mistake(str(exc), request, 410 if gone else 422, **gone)
        except Exception as exc:  # noqa: BLE001  # a fault in one answer must not end the viewer, and is told
            self._tell(f"{request.method} {request.target[len(self.prefix) :].partition('?')[0]}: {exc!r}")
            return answers.mistake(f"the viewer failed: {type(exc).__name__}", request, 500)

    def _routed(self, request: Request) -> Answer | Stream:
        path, _, query = request.target.partition("?")
        try:
            given = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="replace"))
        except ValueError:
            return answers.mistake("the query has too many fields", request, 400)
        if path + "/" == self.prefix:
            return answers.nothing(308, ("Location", self.prefix))
        segments = path[len(self.prefix) :].split("/")
        if segments[0] == "live" and self._live is not None:
            return live_answer(self._live, request, segments[1:], given)
        if request.method == "POST":
            return answers.nothing(405, ("Allow", "GET, HEAD"))
        return self._got(request, segments, given)

    def _got(self, request: Request, segments: list[str], given: Given) -> Answer | Stream:
        match segments:
            case [""]:
                return pages.page(request, Kind("list", 0), self._cassettes.title)
            case [("view.js" | "page.css" | "view.css") as name]:
                return pages.asset(request, name)
            case ["api", "list"]:
                return answers.value(self._cassettes.listed(), request)
            case ["c", number, *rest]:
                shown = self._cassettes.cassette(_number(number))
                return _of(shown, Kind("cassette", 2), request, rest, given)
            case ["diff", old, new, *rest]:
                shown = self._cassettes.compared(_number(old), _number(new))
                return _of(shown, Kind("diff", 3), request, rest, given)
        return answers.nothing(404)


def _of(shown: Shown | None, kind: Kind, request: Request, rest: list[str], given: Given) -> Answer | Stream:
    if shown is None:
        return answers.text(404, "there is no such cassette")
    match rest:
        case [""]:
            return pages.page(request, kind, shown.title)
        case ["api", name]:
            return answers.of(shown.ask(name, given), request)
    return answers.nothing(404)


def _number(text: str) -> int:
    """Return a number in a path; 0, which no cassette has, for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
