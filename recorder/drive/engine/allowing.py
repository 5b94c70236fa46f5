"""Decide which steps may be sent: what may change something on a real server needs the word of the user.

A GET and the meta messages of Bayeux (handshake, subscription …) need none. Everything else does, also a request that
is a GET by its first word alone: servers take another method from a header or a parameter.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote

from ...dialect.paths import unescaped
from ...errors import UsageError
from ...model import JSON, Headers
from ...requests.masks import parameters_of
from .plan import BAYEUX, Act, Outgoing, Plan, Step
from .reading import last_name
from .texts.leaves import of_body

PUBLISH, MESSAGE = "PUBLISH", "MESSAGE"  # methods of what is no HTTP request
_FREE: Final = "GET"  # in capitals: methods have a case (RFC 9110, section 9.1), and a server may know both
_OF_BAYEUX: Final = frozenset(("GET", "POST"))
_PATTERN = re.compile(r"(\S+)\s+(/\S*)")
_STARS = re.compile(r"(\*+)")
# Headers by which frameworks take another method (Express, Rails, Spring, ASP.NET, OData), without their separators:
# CGI makes `X_HTTP_Method` and `X-HTTP-Method` one name.
_OVERRIDE = re.compile(r"(?:x?(?:http)?method(?:override)?)")
_PARAMETER: Final = "_method"  # Rails, Laravel, Symfony
_SLASHES = re.compile(r"[/\\]")
_DOTS: Final = frozenset((".", ".."))


class Need(NamedTuple):
    """A method and a path that the user has to allow."""

    method: str
    path: str


class _Rule(NamedTuple):
    """A method and a path as the user wrote them; `path` is the pattern of `text`."""

    method: str
    text: str
    path: re.Pattern[str]


class Allowed:
    """The requests that the user allowed: operations by name, requests by method and path, or all.

    A name is compared as it is. In a path `*` stands for any text within one segment, `**` for any text.
    """

    __slots__ = ("_all", "_names", "_rules")

    def __init__(self, given: Iterable[str] = (), *, everything: bool = False) -> None:
        """Take what the user gave.

        Args:
            given: Names of operations, `METHOD /path`, `PUBLISH /channel`, or `MESSAGE /path` of a WebSocket.
            everything: Whether all is allowed.

        Raises:
            UsageError: If one of them is empty.
        """
        self._all = everything
        texts = [one.strip() for one in given]
        if "" in texts:
            raise UsageError("an empty name allows nothing; give the name of an operation, or 'METHOD /path'")
        found = {text: _PATTERN.fullmatch(text) for text in texts}
        self._names = frozenset(text for text, parts in found.items() if parts is None)
        self._rules = tuple(
            _Rule(parts[1], unescaped(parts[2]), _compiled(parts[2])) for parts in found.values() if parts
        )

    def permits(self, step: Step) -> bool:
        """Return whether a step may be sent."""
        return self._permits(step, needs(step))

    def permits_sent(self, out: Outgoing) -> bool:
        """Return whether a step may be sent with its live values.

        These must not lead it to another place than the recorded one, nor make a write of it: a value may come from
        the server, and nobody has seen it.
        """
        if _is_elsewhere(out):
            return False
        if self._all:
            return True
        needed = needs(out.step)
        if not self._permits(out.step, needed):
            return False
        recorded = {need.method for need in needed}
        return {need.method for need in _needs(out.step, out.target, out.headers, out.body, out.message)} <= recorded

    def refused(self, plan: Plan) -> list[Step]:
        """Return the steps that may not be sent, in their order."""
        return [step for step in plan.steps if not self.permits(step)]

    def unused(self, plan: Plan) -> list[str]:
        """Return what the user gave that allows no step of a plan, such as a misspelt name."""
        needed = [(step.operation, need) for step in plan.steps for need in needs(step)]
        names = {operation for operation, _ in needed}
        unused = [rule for rule in self._rules if not any(self._allows(rule, need) for _, need in needed)]
        return sorted(self._names - names) + [f"{rule.method} {rule.text}" for rule in unused]

    def _permits(self, step: Step, needed: list[Need]) -> bool:
        is_named = step.operation is not None and step.operation in self._names
        return self._all or is_named or all(self._matches(need) for need in needed)

    def _matches(self, need: Need) -> bool:
        return any(self._allows(rule, need) for rule in self._rules)

    @staticmethod
    def _allows(rule: _Rule, need: Need) -> bool:
        # No pattern leads over dots, which servers and clients take out of a path: `/calls/*/x` is not `/calls/../x`.
        if rule.method != need.method:
            return False
        if _has_dots(need.path):
            return rule.text == need.path
        return rule.path.fullmatch(need.path) is not None


def needs(step: Step) -> list[Need]:
    """Return what the user has to allow before a step is sent: all of it; nothing if the step only reads."""
    return _needs(step, step.request.target, step.request.headers, step.request.body, step.message)


def only_reads(target: str, headers: Iterable[tuple[str, str]]) -> bool:
    """Return whether a GET of a path and query, with these headers, is nothing else for any server."""
    return all(method == _FREE for method in _overrides(target, tuple(headers), b""))


def option(step: Step) -> str:
    """Return the option of the command line that allows a step; "" if it needs none."""
    needed = needs(step)
    if needed and step.operation and not _PATTERN.fullmatch(step.operation):
        return f"--allow {shlex.quote(step.operation)}"
    if any(not need.method.isalpha() or not need.path.startswith("/") for need in needed):
        return "--allow-all"
    return " ".join(f"--allow {shlex.quote(f'{need.method} {need.path}')}" for need in needed)


def refusals(steps: Iterable[Step]) -> list[str]:
    """Return a line for each option that would allow some of these steps, with their title and number."""
    refused: dict[str, list[Step]] = {}
    for step in steps:
        refused.setdefault(option(step), []).append(step)
    return [f"{_titles(its)} may change data; {given} allows it" for given, its in refused.items()]


def _titles(steps: list[Step]) -> str:
    times = f" ({len(steps)} times)" if len(steps) > 1 else ""
    return f"{steps[0].title}{times}"


def _needs(step: Step, target: str, headers: Headers, body: bytes, message: dict[str, JSON] | None) -> list[Need]:
    path = unescaped(target.partition("?")[0].partition("#")[0])  # a fragment is not sent
    if step.act is Act.CLOSE:
        return []
    if step.act is Act.MESSAGE:
        return [Need(MESSAGE, path)]
    if step.act in BAYEUX:
        channel = _channel(message)
        found = [Need(PUBLISH, channel)] if step.act is Act.PUBLISH or not channel.startswith("/meta/") else []
        others = dict.fromkeys(_overrides(target, headers, b""))
        return found + [Need(method, path) for method in others if method not in _OF_BAYEUX]
    own = step.request.method
    # a method of that name is another thing than what a pattern with this word allows
    own = f"HTTP {own}" if own in (PUBLISH, MESSAGE) else own
    methods = dict.fromkeys([own, *_overrides(target, headers, body)])
    return [Need(method, path) for method in methods if method != _FREE]


def _overrides(target: str, headers: Headers, body: bytes) -> Iterator[str]:
    """Yield the methods that headers and parameters name in place of that of the request."""
    for name, value in headers:
        if _OVERRIDE.fullmatch(name.lower().replace("-", "").replace("_", "")):
            yield value.strip().upper()
    for name, _, value in parameters_of(target.partition("?")[2]):
        if name.lower() == _PARAMETER:
            yield value.strip().upper()
    for leaf in of_body(body, headers):
        if last_name(leaf.address).lower() == _PARAMETER:
            yield leaf.text.strip().upper()


def _channel(message: dict[str, JSON] | None) -> str:
    channel = (message or {}).get("channel")
    return channel if isinstance(channel, str) else ""


def _is_elsewhere(out: Outgoing) -> bool:
    """Return whether live values lead a step to another place: segments that vanish, or other kinds of channels."""
    if out.step.act in BAYEUX:
        was, now = _channel(out.step.message), _channel(out.message)
        is_meta = was.startswith("/meta/")
        return _has_moved(was, now) or is_meta != now.startswith("/meta/") or now.count("*") > was.count("*")
    was, now = (target.partition("?")[0] for target in (out.step.request.target, out.target))
    return _has_moved(was, now)


def _has_moved(was: str, now: str) -> bool:
    old, new = was.split("/"), now.split("/")
    if len(old) != len(new):
        return True
    return any(before != after and (not after or _has_dots(after)) for before, after in zip(old, new, strict=True))


def _has_dots(path: str) -> bool:
    """Return whether a path has a segment of dots, also for servers that take other marks for slashes."""
    segments = _SLASHES.split(unquote(path))
    return any(segment.partition(";")[0] in _DOTS for segment in segments)  # Tomcat takes `..;x` for `..`


def _compiled(path: str) -> re.Pattern[str]:
    parts = _STARS.split(unescaped(path))
    stars = {"*": "[^/]*", "": ""}
    return re.compile(
        "".join(stars.get(part, ".*") if n % 2 else re.escape(part) for n, part in enumerate(parts)), re.DOTALL
    )
