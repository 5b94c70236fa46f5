"""A dialect: what one REST + Bayeux API calls an operation, and where its ids are. Data, read from TOML.

Values are found by paths of dots: `body.referenceId`, `data.record.recordHandle`, or `path.handle` for a part of the
URL named in a route. All keys are compared as strings; null and "" count as absent, 0 does not.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote

from ..bayeux.messages import load_json
from ..errors import DialectError
from ..model import JSON, Event, Request, Response

Paths: TypeAlias = tuple[str, ...]
Keys: TypeAlias = dict[str, str]

DEFAULT = "gws-outbound"


@dataclass(frozen=True, slots=True)
class Operation:
    """What an operation may cause, and which of it ends it; both are notification names."""

    events: frozenset[str]
    terminal: frozenset[str]


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect, checked. Times are seconds. The fields are explained in `gws-outbound.toml`."""

    name: str
    bayeux_prefix: str
    session_cookies: frozenset[str]
    open_for: float
    grace: float
    methods: frozenset[str]
    operation: Paths
    routes: tuple[re.Pattern[str], ...]
    request_keys: Mapping[str, Paths]
    ack_status: Paths
    ack_success: frozenset[str]
    ack_keys: Mapping[str, Paths]
    event_keys: Mapping[str, Paths]
    path_keys: frozenset[str]
    error_marks: Mapping[str, str]
    error_same: Paths
    twin_channel: str
    twin_of: str
    twin_same: Paths
    tuple_same: Paths
    tuple_enough: tuple[frozenset[str], ...]
    minted: Paths
    per_operation: frozenset[str]
    volatile: Paths
    operations: Mapping[str, Operation]

    def operation_of(self, request: Request) -> str | None:
        """The name of the operation a request asks for, None where it is none."""
        if request.method not in self.methods:
            return None
        return _first(self.operation, {"body": parse_json(request.body)})

    def keys_of_request(self, request: Request) -> Keys:
        """What a request can be joined on."""
        roots = {"path": self.route(request.target), "body": parse_json(request.body)}
        return self._keys(self.request_keys, roots)

    def keys_of_ack(self, ack: Response) -> Keys:
        """What the ack adds to join on."""
        return self._keys(self.ack_keys, {"body": parse_json(ack.body)})

    def keys_of_event(self, event: Event) -> Keys:
        """What an event can be joined on, with its `notification`."""
        return self._keys(self.event_keys, {"data": event.data})

    def is_error(self, event: Event) -> bool:
        """Whether an event tells of a failed operation instead of an answer."""
        return all(as_key(lookup({"data": event.data}, path)) == text for path, text in self.error_marks.items())

    def route(self, target: str) -> dict[str, str]:
        """The named parts of a URL path, percent-decoded."""
        path = target.partition("?")[0]  # not urlsplit: it takes "//a/b" for a host, and "//[" for an error
        found = next((m for m in (route.fullmatch(path) for route in self.routes) if m), None)
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else {}

    def succeeded(self, ack: Response) -> bool:
        """Whether an ack says yes; where its body has no status code, the HTTP status decides."""
        status = _first(self.ack_status, {"body": parse_json(ack.body)})
        return 200 <= ack.status < 300 and (status is None or status in self.ack_success)

    def bare(self, key: str, value: str) -> str:
        """A key's value as it is compared: the last part of what may be an id or a path that ends in it."""
        return value.rsplit("/", 1)[-1] if key in self.path_keys else value

    def _keys(self, paths: Mapping[str, Paths], roots: Mapping[str, JSON]) -> Keys:
        found = ((name, _first(candidates, roots)) for name, candidates in paths.items())
        return {name: self.bare(name, value) for name, value in found if value is not None}


def load(source: str = DEFAULT) -> Dialect:
    """Read a shipped dialect by name, or a file by path.

    Raises:
        DialectError: If there is no such dialect, or it has a mistake.

    """
    if re.fullmatch(r"[\w-]+", source):
        return shipped(source)
    return parse(_read(Path(source)), path=source)


@cache
def shipped(name: str) -> Dialect:
    """A shipped dialect by name. What a cassette names is read by this: it must not make us open files of its choice.

    Raises:
        DialectError: If there is no such dialect.

    """
    resource = files(__package__).joinpath(f"{name}.toml")
    if not re.fullmatch(r"[\w-]{1,64}", name) or not resource.is_file():
        raise DialectError(name[:80], "name", f"no such dialect is shipped; give {DEFAULT!r} or a TOML file")
    return parse(resource.read_text(encoding="utf-8"), path=f"{name}.toml")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise DialectError(str(path), "file", f"cannot be read: {exc}") from exc


def parse(text: str, *, path: str) -> Dialect:
    """Check a dialect's text.

    Raises:
        DialectError: Naming the file and the key that is wrong.

    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise DialectError(path, "TOML", str(exc)) from exc
    top = _Table(table, path, "")
    request, ack, event = top.table("request"), top.table("ack"), top.table("event")
    error = event.table("error")
    twin, same_tuple, replay = top.table("twin"), top.table("tuple"), top.table("replay")
    operations = top.table("operations")
    return Dialect(
        name=top.text("name"),
        bayeux_prefix=top.text("bayeux_prefix").rstrip("/"),
        session_cookies=frozenset(top.texts("session_cookies")),
        open_for=top.seconds("open_for"),
        grace=top.seconds("grace"),
        methods=frozenset(request.texts("methods")),
        operation=request.texts("operation"),
        routes=request.routes("routes"),
        request_keys=request.table("keys").paths(),
        ack_status=ack.texts("status"),
        ack_success=frozenset(ack.texts("success")),
        ack_keys=ack.table("keys").paths(),
        event_keys=event.table("keys").paths(),
        path_keys=frozenset(event.texts("path_keys")),
        error_marks={path: error.text(path) for path in error.names()},
        error_same=event.texts("error_same"),
        twin_channel=twin.text("channel"),
        twin_of=twin.text("of"),
        twin_same=twin.texts("same"),
        tuple_same=same_tuple.texts("same"),
        tuple_enough=tuple(map(frozenset, same_tuple.groups("enough"))),
        minted=replay.texts("minted"),
        per_operation=frozenset(replay.texts("per_operation")),
        volatile=replay.texts("volatile"),
        operations={
            name: Operation(
                frozenset(operations.table(name).texts("events")),
                frozenset(operations.table(name).texts("terminal")),
            )
            for name in operations.names()
        },
    )


class _Table:
    """A TOML table whose values are checked as they are taken."""

    def __init__(self, value: dict[str, Any], path: str, prefix: str) -> None:
        self._value, self._path, self._prefix = value, path, prefix

    def names(self) -> list[str]:
        return list(self._value)

    def table(self, key: str) -> _Table:
        return _Table(self._take(key, dict, "a table"), self._path, f"{self._prefix}{key}.")

    def text(self, key: str) -> str:
        return str(self._take(key, str, "a string"))

    def seconds(self, key: str) -> float:
        value = self._take(key, (int, float), "a number of seconds")
        if isinstance(value, bool):
            raise self._wrong(key, "must be a number of seconds")
        if not value >= 0:  # nan is neither
            raise self._wrong(key, "must not be negative")
        return float(value)

    def texts(self, key: str) -> Paths:
        value = self._take(key, list, "a list of strings")
        if not all(isinstance(item, str) for item in value):
            raise self._wrong(key, "must be a list of strings")
        return tuple(value)

    def groups(self, key: str) -> list[list[str]]:
        value = self._take(key, list, "a list of lists of strings")
        if not all(isinstance(group, list) and all(isinstance(item, str) for item in group) for group in value):
            raise self._wrong(key, "must be a list of lists of strings")
        return list(value)

    def routes(self, key: str) -> tuple[re.Pattern[str], ...]:
        try:
            return tuple(map(_route, self.texts(key)))
        except re.error as exc:
            raise self._wrong(key, f"a name in braces is bad: {exc}") from exc

    def paths(self) -> dict[str, Paths]:
        return {key: self.texts(key) for key in self._value}

    def _take(self, key: str, kind: type | tuple[type, ...], meant: str) -> Any:
        if key not in self._value:
            raise self._wrong(key, "is missing")
        if not isinstance(self._value[key], kind):
            raise self._wrong(key, f"must be {meant}")
        return self._value[key]

    def _wrong(self, key: str, problem: str) -> DialectError:
        return DialectError(self._path, f"{self._prefix}{key}", problem)


def parse_json(body: bytes) -> JSON:
    """The JSON object or array of a body, None where it is neither, or nested so deep that walking it would fail."""
    try:
        value = load_json(body) if body else None
    except ValueError:
        return None
    return value if isinstance(value, dict | list) else None


def lookup(value: JSON, path: str) -> JSON:
    """What stands at a path of dots, None where nothing does."""
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def _first(paths: Paths, roots: Mapping[str, JSON]) -> str | None:
    return next((text for text in (as_key(lookup(roots, path)) for path in paths) if text is not None), None)


def as_key(value: JSON) -> str | None:
    """A scalar as the string it is compared by; None for what counts as absent."""
    if value is None or value == "" or isinstance(value, dict | list | bool):
        return None
    return str(value)


def _route(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    literal, names = parts[::2], parts[1::2]
    pattern = re.escape(literal[0])
    for name, text in zip(names, literal[1:], strict=True):
        pattern += f"(?P<{name}>[^/]+)" + re.escape(text)
    return re.compile(pattern)
