"""Hold the values that a user gave for a drive: real ones for pseudonyms, keys, headers and cookies, and logins.

All of them may be secrets. No text of this module shows one: neither `repr`, nor an error, nor a listing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from ...dialect.logins import values as values_at
from ...dialect.tables import Table, finish, held, read
from ...errors import ValuesError
from ...formats.charsets import as_utf8
from ...model import JSON, Headers
from ...redaction.pseudonyms import Kind
from .plan import COOKIE, HEADER, Answer, Client, Hole, Plan
from .reading import last_name
from .texts.leaves import of_body

ENVIRONMENT: Final = "RECORDER_"  # begins the names of variables of the environment
_KINDS: Final = ("pseudonyms", "keys", "headers", "cookies")
_VARIABLES: Final = {"pseudonyms": "PSEUDONYM_", "keys": "KEY_", "headers": "HEADER_", "cookies": "COOKIE_"}
_OTHER = re.compile(r"[^a-z0-9]+")
_TOKEN = re.compile(r"[\w!#$%&'+.^`|~*-]+", re.ASCII)  # RFC 9110, section 5.6.2
_PLACE = re.compile(r"(?:body|header)(?:\.[\w-]+)+", re.ASCII)
_TARGET = re.compile(r"/(?![/\\])[!-\[\]-~]*", re.ASCII)  # two slashes would begin the name of another host
_METHOD = re.compile(r"[A-Z][A-Z0-9_-]{0,30}", re.ASCII)
# In a header: RFC 9110, section 5.5; and half characters, which stand for bytes that are no text.
_UNFIT = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)  # of a variable, by custom; another text may be a secret
_IN_ENVIRONMENT = "env:"
_SHORTEST = 6  # characters of a value that is taken out of texts: a shorter one stands there by chance

_Given: TypeAlias = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Login:
    """A request that is sent first, and whose answer holds a token.

    Attributes:
        target: Path and query.
        headers: Headers of the request, with the type of the body.
        token: Place of the token in the answer, such as `body.access_token`; "" if the answer sets cookies alone.
        header: Header that shows the token in later requests.
        prefix: What stands there before the token.
    """

    method: str
    target: str
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    token: str = ""
    header: str = "Authorization"
    prefix: str = "Bearer "

    @property
    def title(self) -> str:
        """What it is called in words; without the query, which may hold secrets."""
        return f"{self.method} {self.target.partition('?')[0]}"


class Values:
    """The values that a user gave, by client; those of one client go before those of all."""

    __slots__ = ("_given", "_logins", "_looked_up", "_masks", "_of_clients", "_spellings", "_tokens", "_variables")

    def __init__(
        self,
        given: _Given | None = None,
        of_clients: Mapping[str, _Given] | None = None,
        logins: Mapping[str | None, Login] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Take the values of a file and of the environment; `Values.parse` reads them.

        Args:
            given: Values by kind (`pseudonyms`, `keys`, `headers`, `cookies`) and name.
            of_clients: The same, by client.
            logins: Logins by client; None is for all others.
            environment: Variables; those whose names begin with `RECORDER_` give what the file does not.
        """
        self._given = given or {}
        self._of_clients = of_clients or {}
        self._logins = logins or {}
        variables = ((name, value.rstrip("\r\n")) for name, value in (environment or {}).items())
        self._variables = {
            name.removeprefix(ENVIRONMENT): value for name, value in variables if name.startswith(ENVIRONMENT) and value
        }
        self._spellings: dict[str | None, dict[str, str]] = {None: _by_spelling(self._given)}
        self._spellings.update((name, _by_spelling(own)) for name, own in self._of_clients.items())
        self._looked_up: dict[tuple[str, str, str], str | None] = {}  # what `_look_up` found
        self._tokens: dict[str, tuple[str, str]] = {}
        self._masks = self._to_mask()

    @classmethod
    def parse(cls, text: str, path: str, environment: Mapping[str, str]) -> Values:
        """Read a values file and the environment.

        Args:
            text: The file as TOML; "" if there is none.
            path: Name of the file, for error messages.
            environment: The variables of the environment.

        Raises:
            ValuesError: With the file, the line and the key of the first mistake; `problems` lists all mistakes.
        """
        return cls._of(read(text, path, ValuesError), environment)

    @classmethod
    def of(cls, tables: dict[str, Any], path: str, environment: Mapping[str, str]) -> Values:
        """Take values as a values file has them, read already.

        Args:
            tables: The tables of the file.
            path: Where they come from, for error messages.
            environment: The variables of the environment.

        Raises:
            ValuesError: With the key of the first mistake; `problems` lists all mistakes.
        """
        return cls._of(held(tables, path, ValuesError), environment)

    @classmethod
    def _of(cls, top: Table, environment: Mapping[str, str]) -> Values:
        reader = _Reader(environment)
        given = reader.given(top)
        logins: dict[str | None, Login] = {}
        if "login" in top:
            logins[None] = reader.login(top.table("login"))
        of_clients: dict[str, _Given] = {}
        clients = top.table("client", optional=True)
        for name in clients.names():
            own = clients.table(name)
            of_clients[name] = reader.given(own)
            if "login" in own:
                logins[name] = reader.login(own.table("login"))
        finish(top)
        made = cls(given, of_clients, logins, environment)
        made._check_variables()
        return made

    def __repr__(self) -> str:
        return "Values(hidden)"

    def headers(self, client: str) -> Headers:
        """Return the headers that the user gave for the requests of a client, and the one that its login gave."""
        found: dict[str, tuple[str, str]] = {}
        for given in self._all(client, "headers"):
            for name, value in given.items():
                found.setdefault(name.lower(), (name, value))
        for name, value in self._of_environment("headers"):
            header = name.replace("_", "-")
            found.setdefault(header.lower(), (header.title(), value))
        if client in self._tokens:
            name, value = self._tokens[client]
            found[name.lower()] = (name, value)
        return tuple(found.values())

    def value(self, hole: Hole, client: str, operation: str | None = None) -> str | None:
        """Return what the user gave for the key or the pseudonym in a hole; None if that is nothing.

        A header that the user gave as a whole is in `headers`.
        """
        last = last_name(hole.place)
        names = (hole.name, last) if last != hole.place[0] else (hole.name,)
        found = self._by_key(names, client, operation)
        return self._look_up(client, "pseudonyms", hole.recorded) if found is None else found

    def replaces(self, name: str, text: str, client: str, operation: str | None = None) -> bool:
        """Return whether the user gave a value for what a client sent as its own.

        Args:
            name: Name of its place; "" if that has none.
            text: The recorded text. A variable of the environment does not tell it from texts that are alike.
            client: Name of the client.
            operation: Name of the operation.
        """
        if name and self._by_key((name,), client, operation) is not None:
            return True
        return any(text in given for given in self._all(client, "pseudonyms"))

    def unused(self, plan: Plan) -> list[str]:
        """Return the keys and pseudonyms of the file that no hole of a plan takes, such as misspelt ones.

        They are dotted, e.g. `keys.handel` or `client.s2.keys.handel`.
        """
        wanted: dict[str, set[str]] = {}  # names and texts of holes, by client
        for step in plan.steps:
            found = wanted.setdefault(step.client, set())
            for hole in step.holes:
                names = {hole.name, last_name(hole.place)}
                found |= {_plain(name) for name in names} | {f"pseudonym {hole.recorded}"}
                found |= {_plain(f"{step.operation}.{name}") for name in names}
        for client in plan.clients.values():
            found = wanted.setdefault(client.name, set())
            found |= {f"pseudonym {hole.recorded}" for hole in client.cookies}
        everywhere = set().union(*wanted.values())
        tables = [("", self._given, everywhere)]
        tables += [(f"client.{name}.", own, wanted.get(name, set())) for name, own in self._of_clients.items()]
        return [
            f"{begin}{kind}.{name}"
            for begin, given, known in tables
            for kind, spelled in (("pseudonyms", "pseudonym {}".format), ("keys", _plain))
            for name in given.get(kind, {})
            if spelled(name) not in known
        ]

    @property
    def has_replacements(self) -> bool:
        """True if the user gave any key or pseudonym."""
        tables = [
            given.get(kind) for given in (self._given, *self._of_clients.values()) for kind in ("keys", "pseudonyms")
        ]
        return any(tables) or any(name.startswith(_VARIABLES["keys"]) for name in self._variables)

    def covers(self, hole: Hole, client: str, operation: str | None = None) -> bool:
        """Return whether the user gave a value for a hole in any way, or a login for the header that it is in."""
        if self.has_header(hole, client):
            return True
        if hole.place[0] == COOKIE and self._look_up(client, "cookies", str(hole.place[1])) is not None:
            return True
        return self.value(hole, client, operation) is not None

    def has_header(self, hole: Hole, client: str) -> bool:
        """Return whether a hole is in a header that the user gave as a whole, or that a login gives."""
        if hole.place[0] != HEADER:
            return False
        login = self.login(client)
        names = {name.lower() for name, _ in self.headers(client)}
        return hole.place[1] in names or (
            login is not None and bool(login.token) and hole.place[1] == login.header.lower()
        )

    def cookies(self, client: Client) -> dict[str, str]:
        """Return the cookies that a client shows from its begin, without those that its answers set.

        Recorded ones are among them; `needs.missing` says before whether they may be sent.
        """
        made = {str(hole.place[1]): self._cookie(hole, client.name) for hole in client.cookies}
        for given in reversed(list(self._all(client.name, "cookies"))):
            made.update(given)
        return {name: value for name, value in made.items() if value is not None}

    def login(self, client: str) -> Login | None:
        """Return the login of a client, None if the user gave none."""
        return self._logins.get(client, self._logins.get(None))

    def hidden(self) -> list[tuple[str, Kind]]:
        """Return the values that no cassette may keep: the real ones of pseudonyms, and what logins send.

        Headers and cookies are found where they stand. Keys are not hidden: messages are compared by these.
        """
        found: dict[str, Kind] = {}
        for login in self._logins.values():
            found.update((leaf.text, Kind.SECRET) for leaf in of_body(login.body, login.headers))
        personal = [value for given in self._tables() for value in given.get("pseudonyms", {}).values()]
        personal += [value for _, value in self._of_environment("pseudonyms")]
        found.update((value, Kind.PERSONAL) for value in personal)
        return list(found.items())

    def masked(self, text: str) -> str:
        """Return a text without the values that may be secrets: no line for people may show one."""
        for value in self._masks:
            text = text.replace(value, "…")
        return text

    def _tables(self) -> Iterator[_Given]:
        yield self._given
        yield from self._of_clients.values()

    def _to_mask(self) -> list[str]:
        """Return what `masked` takes out, the longest first: `Bearer abc` before `abc`."""
        found = [value for value, _ in self.hidden()]
        for kind in ("headers", "cookies"):
            found += [value for given in self._tables() for value in given.get(kind, {}).values()]
            found += [value for _, value in self._of_environment(kind)]
        found += [value for _, value in self._tokens.values()]
        found += [word for value in found for word in value.split(" ")[1:]]
        return sorted({value for value in found if len(value) >= _SHORTEST}, key=len, reverse=True)

    @property
    def logins(self) -> Mapping[str | None, Login]:
        """The logins, by client; None is for all clients without one of their own."""
        return self._logins

    def logged_in(self, client: str, login: Login, answer: Answer) -> bool:
        """Take the token from the answer to a login; return whether it is there."""
        if not login.token:
            return answer.status is not None
        token = next(values_at((login.token,), "", answer.headers, answer.body), None)
        if token is None:
            return False
        self._tokens[client] = (login.header, _UNFIT.sub("", login.prefix + token))
        self._masks = self._to_mask()
        return True

    def _check_variables(self) -> None:
        for kind in ("headers", "cookies"):
            for name, value in self._of_environment(kind):
                if _UNFIT.search(value):
                    told = "has a control character, which no header may have"
                    raise ValuesError("environment", ENVIRONMENT + _VARIABLES[kind] + name, told)

    def _cookie(self, hole: Hole, client: str) -> str | None:
        found = self._look_up(client, "cookies", str(hole.place[1]))
        if found is None:
            found = self.value(hole, client)
        return (None if hole.is_hidden else hole.recorded) if found is None else found

    def _by_key(self, names: tuple[str, ...], client: str, operation: str | None) -> str | None:
        """Return the value of a key by one of its names; that of the operation goes before that of all."""
        for name in names:
            for one in (f"{operation}.{name}", name) if operation else (name,):
                found = self._look_up(client, "keys", one)
                if found is not None:
                    return found
        return None

    def _all(self, client: str, kind: str) -> Iterator[Mapping[str, str]]:
        """Yield the tables of a kind, that of the client first."""
        yield self._of_clients.get(client, {}).get(kind, {})
        yield self._given.get(kind, {})

    def _look_up(self, client: str, kind: str, name: str) -> str | None:
        wanted = client, kind, name
        if wanted not in self._looked_up:
            self._looked_up[wanted] = self._searched(client, kind, name)
        return self._looked_up[wanted]

    def _searched(self, client: str, kind: str, name: str) -> str | None:
        tables = list(self._all(client, kind))
        for given in tables:
            if name in given:
                return given[name]
        if kind == "keys":
            wanted = _plain(name)
            for spellings in (self._spellings.get(client), self._spellings.get(None)):
                if spellings is not None and wanted in spellings:
                    return spellings[wanted]
        return self._variables.get(_variable(kind, name)) if name else None

    def _of_environment(self, kind: str) -> Iterator[tuple[str, str]]:
        begin = _VARIABLES[kind]
        for name, value in sorted(self._variables.items()):
            if name.startswith(begin):
                yield name.removeprefix(begin), value


def _by_spelling(given: _Given) -> dict[str, str]:
    """Return the values of keys by their names without case and separators; of two spellings the first counts."""
    return {_plain(name): value for name, value in reversed(given.get("keys", {}).items())}


def variable(kind: str, name: str) -> str:
    """Return the variable of the environment that gives a value, e.g. `RECORDER_KEY_HANDLE`.

    Args:
        kind: `pseudonyms`, `keys`, `headers` or `cookies`.
        name: What it is called in that table of a values file.
    """
    return ENVIRONMENT + _variable(kind, name)


def _variable(kind: str, name: str) -> str:
    return _VARIABLES[kind] + _OTHER.sub("_", name.lower()).strip("_").upper()


def _plain(name: str) -> str:
    """Return a name without the case and the separators in which spellings of one name differ; dots separate names."""
    return name.lower().replace("_", "").replace("-", "")


class _Reader:
    """Reads the tables of a values file; its messages tell names alone."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def given(self, table: Table) -> _Given:
        """Return the values in the tables of each kind."""
        return {kind: dict(self._texts(table.table(kind, optional=True), kind)) for kind in _KINDS}

    def login(self, table: Table) -> Login:
        """Return a login."""
        method = self._text(table, "method").upper() if "method" in table else "POST"
        target = self._text(table, "path") if "path" in table else table.text("path")
        if not _METHOD.fullmatch(method):
            table.wrong("method", 'must be an HTTP method; write method = "POST"')
        if "path" in table and not _TARGET.fullmatch(target):
            table.wrong("path", 'must be the path on the server under test, as in "/api/login"')
        headers = tuple(self._texts(table.table("headers", optional=True), "headers"))
        body, media = self._body(table)
        if media and "content-type" not in {name.lower() for name, _ in headers}:
            headers = (*headers, ("Content-Type", media))
        token = self._text(table, "token") if "token" in table else ""
        if token and not _PLACE.fullmatch(token):
            table.wrong("token", "must be the place of the token in the answer, as in 'body.access_token'")
        header = self._text(table, "header") if "header" in table else "Authorization"
        if not _TOKEN.fullmatch(header):
            table.wrong("header", 'must be the name of a header, as in "Authorization"')
        prefix = self._text(table, "prefix") if "prefix" in table else "Bearer "
        return Login(method, target, headers, body, token, header, prefix)

    def _body(self, table: Table) -> tuple[bytes, str]:
        """Return the body of a login and its media type."""
        named = [name for name in ("json", "form", "body") if name in table]
        for name in named[1:]:
            table.wrong(name, f"stands beside {named[0]!r}; a request has one body: delete one of them")
        members, fields = table.table("json", optional=True), table.table("form", optional=True)
        value = {name: self._resolved(members, name, members.raw(name)) for name in members.names()}
        form = dict(self._texts(fields, "form"))
        text = self._text(table, "body") if "body" in table else ""
        match named[:1]:
            case ["json"]:
                return json.dumps(value).encode(), "application/json"
            case ["form"]:
                return urlencode(form).encode(), "application/x-www-form-urlencoded"
        return as_utf8(text), ""

    def _texts(self, table: Table, kind: str) -> Iterator[tuple[str, str]]:
        """Yield the names and values of a table; report values of other kinds and those that a header cannot have."""
        for name in table.names():
            value = self._text(table, name)
            if kind in ("headers", "cookies") and not _TOKEN.fullmatch(name):
                table.wrong(name, f"is no name of a {kind.removesuffix('s')}")
            elif kind in ("headers", "cookies") and _UNFIT.search(value):
                table.wrong(name, "has a control character, such as a line break, which no header may have")
            else:
                yield name, value

    def _text(self, table: Table, name: str) -> str:
        """Return a text, or a number as text; that of a variable of the environment if the file names one."""
        value = self._resolved(table, name, table.take(name))
        if isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return json.dumps(value)
        table.wrong(name, 'must be a text, a number, "env:NAME" or { env = "NAME" }')
        return ""

    def _resolved(self, table: Table, name: str, value: Any) -> JSON:
        """Return a value with those of variables in place of their names; report a variable that is not set."""
        match value:
            case str() if value.startswith(_IN_ENVIRONMENT):
                return self._variable(table, name, value.removeprefix(_IN_ENVIRONMENT))
            case {"env": str() as variable} if len(value) == 1:
                return self._variable(table, name, variable)
            case dict():
                return {key: self._resolved(table, name, item) for key, item in value.items()}
            case list():
                return [self._resolved(table, name, item) for item in value]
            case str() | bool() | int() | float():
                return value
        table.wrong(name, "must be a text; dates and times stand in quotation marks")
        return ""

    def _variable(self, table: Table, name: str, variable: str) -> str:
        found = self._environment.get(variable, "").rstrip("\r\n")
        if not found:
            shown = variable if _NAME.fullmatch(variable) else "it names"
            table.wrong(name, f"the variable {shown} of the environment is not set; set it, or write the value here")
        return found
