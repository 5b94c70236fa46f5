"""Decide which requests a stand-in serves: by Host, Origin, Referer, Sec-Fetch-* and the token. Sans-IO.

A page of any origin can send requests to this machine. Three ways lead from there to a recording, and each has a check:

- the page reads an answer across origins, or includes it as a script: the page's origin must be allowed;
- the page's own name is rebound to this machine (DNS rebinding), so that the stand-in is its origin: the Host must be
  a name of this machine, or one that the recording knows;
- another user of the machine just asks: with a token, each request must show it.

A browser writes these headers itself (forbidden header names, Fetch Standard, section 2.2.2), so a page cannot forge
them. A browser sends Sec-Fetch-* only to https and to loopback (Fetch Metadata, section 2), hence the rules for
requests without them.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import unquote

from ...errors import UsageError
from ...model import Headers, Recording
from ...monitoring.answers import TOKEN_HEADER
from ...printable import printable
from . import cors

COOKIE = PARAMETER = "recorder_token"
STATUS = 403

_SHOWN = 200  # characters of a request that a text quotes
_MOST_TOLD = 100  # hosts and origins whose refusal is reported; a page can make up any number of them
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[\w.-]+)(?::[0-9]*)?", re.ASCII | re.IGNORECASE)
_PORTS = {"http": ":80", "https": ":443"}
_TOKEN = re.compile(r"[\w.~+/=-]+", re.ASCII)  # fits a header, a cookie and, with percent signs, a URL
_URL = re.compile(r"([a-z][a-z0-9+.-]*://)(?:[^/?#@]*@)?([^/?#@]*)", re.IGNORECASE)
_IN_TEXT = re.compile(rf"([?&]{PARAMETER}=)[^&\s]*")
_READ = {
    "host", "origin", "referer", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "sec-purpose", "purpose",
    "accept", "user-agent",
}  # fmt: skip
_BROWSERS = ("Mozilla/", "Opera/")  # every browser's User-Agent begins with one of them


@dataclass(frozen=True, slots=True)
class Rules:
    """The hosts and origins that a stand-in serves besides those of this machine; `rules_of` builds and checks them.

    Attributes:
        recorded: Names of the hosts that the recording was made of.
        pages: Origins of the pages that asked them, letter by letter, e.g. `https://desk.example` or `app://desktop`.
        hosts: Names that `--allow-host` gives: a name, `*.example.com`, or `*` for all.
        origins: Origins that `--allow-origin` gives: an origin, `null`, or `*` for all.
        token: The secret that each request must show; None if none is needed.

    """

    recorded: frozenset[str] = frozenset()
    pages: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    token: str | None = field(default=None, repr=False)


class Admitted(NamedTuple):
    """A request that is served, without its token.

    Attributes:
        added: Headers for the answer.
        is_lasting: Whether a request with equal headers is admitted with every target and method.

    """

    target: str
    headers: Headers
    added: Headers = ()
    is_lasting: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that is not served.

    Attributes:
        text: The reason, one line; it holds nothing of the recording.
        advice: The option that would allow the request, one line.
        key: Equal for requests that are refused for one host or one origin.

    """

    text: str
    advice: str
    key: str


class Told:
    """The refusals that were reported. A page can repeat a request for ever, so each is reported once."""

    def __init__(self) -> None:
        """Start without refusals."""
        self._keys: set[str] = set()

    def is_new(self, refused: Refused) -> bool:
        """Note a refusal; return whether to report it."""
        if refused.key in self._keys or len(self._keys) >= _MOST_TOLD:
            return False
        self._keys.add(refused.key)
        return True


class _Origin(NamedTuple):
    text: str
    name: str | None  # of its host, if it is a web server's

    @property
    def key(self) -> str:
        return f"origin {self.text}"


def rules_of(
    recording: Recording, hosts: Iterable[str] = (), origins: Iterable[str] = (), token: str | None = None
) -> Rules:
    """Build the rules for a recording: its own hosts and origins, and those that the user allows.

    Args:
        recording: The recording to protect.
        hosts: Names as after `--allow-host`.
        origins: Origins as after `--allow-origin`.
        token: The secret that each request must show; None if none is needed.

    Raises:
        UsageError: If a name, an origin or the token cannot be one.

    """
    if token is not None and not _TOKEN.fullmatch(token):  # the token is in no message
        raise UsageError(
            "the stand-in's token must have letters, digits and -._~+/= only, as it is sent as a cookie too; "
            "make another one, e.g. by: openssl rand -hex 16"
        )
    named, pages = set[str | None](), set[str]()
    for header, value in (*recording.addressed, ("upstream", recording.header.upstream)):
        origin = _origin(value) if header == "origin" else _origin_of_url(value)
        if header == "host":
            named.add(_name(value))
        elif header == "upstream":
            named.add(None if origin is None else origin.name)
        elif origin is not None and origin.text != "null":
            pages.add(origin.text)
    return Rules(
        frozenset(name for name in named if name),
        frozenset(pages),
        frozenset(map(_allowed_host, hosts)),
        frozenset(map(_allowed_origin, origins)),
        token,
    )


def _allowed_host(text: str) -> str:
    begin = "*." if text.startswith("*.") else ""
    name = _name(text.removeprefix(begin)) or _name(f"[{text}]")  # an IPv6 address may come without its brackets
    if text != "*" and not name:
        raise UsageError(f"--allow-host: {printable(text)!r} is no name of a host; give e.g. desk.example or *.example")
    return "*" if text == "*" else f"{begin}{name}"


def _allowed_origin(text: str) -> str:
    origin = None if text == "*" else _origin(text) or _origin(text.removesuffix("/"))
    if text != "*" and origin is None:
        raise UsageError(
            f"--allow-origin: {printable(text)!r} is no origin; give e.g. https://desk.example:8443, null, or * for all"
        )
    return "*" if origin is None else origin.text


class Admission:
    """The rules of one stand-in, applied to requests."""

    def __init__(self, rules: Rules, listened: Sequence[str] = ()) -> None:
        """Prepare to check requests.

        Args:
            rules: The rules.
            listened: Names and addresses that the server listens on. On a wildcard address, every IP address is
                served: to rebind a name, an attacker needs a name.

        """
        self._rules = rules
        self._names = {name for name in map(_name_or_address, listened) if name} | rules.recorded | rules.hosts
        self._any_address = any(text in {"", "0.0.0.0", "::"} for text in listened)
        self._suffixes = tuple(name[1:] for name in rules.hosts if name.startswith("*."))
        self._any_host, self._any_origin = "*" in rules.hosts, "*" in rules.origins
        self._token = None if rules.token is None else _bytes(rules.token)

    @property
    def has_token(self) -> bool:
        """True if requests must show a token; then the target of each request may hold one."""
        return self._token is not None

    def admit(self, method: str, target: str, headers: Headers, hosts: Sequence[str] = ()) -> Admitted | Refused:
        """Decide on a request.

        Args:
            method: Method of the request.
            target: Path and query.
            headers: Headers of the request.
            hosts: Further hosts that the request names: the Host header beside a target that is a whole URL.

        """
        shown: dict[str, list[str]] = {}
        for name, value in headers:
            if (lower := name.lower()) in _READ:
                shown.setdefault(lower, []).append(value)
        named = {host: _name(host) for host in (*shown.get("host", ()), *hosts) if host}
        refused = self._foreign_host(named)
        if refused is None and "origin" in shown:
            refused = self._foreign_origin(shown["origin"], named.values())
        elif refused is None and not self._any_origin:
            refused = self._foreign_page(method, shown, named.values())
        if refused is not None:
            return refused
        return self._without_token(method, target, headers, is_lasting=not _is_navigation(method, shown))

    # -- Host

    def _foreign_host(self, named: dict[str, str | None]) -> Refused | None:
        for host, name in named.items():
            if name is None:
                text = f"the Host {_quoted(host)} is no name of a host"
                return Refused(text, "send a valid name; no option allows others", "host")
            if not self._serves(name):
                return Refused(
                    f"the host {_quoted(name)} is neither a name of this machine nor one of the recording",
                    _advice("host", name),
                    f"host {name[:_SHOWN]}",
                )
        return None

    def _serves(self, name: str) -> bool:
        if name in self._names or self._any_host or _is_loopback(name):
            return True
        return name.endswith(self._suffixes) or (self._any_address and _is_address(name))

    # -- Origin

    def _foreign_origin(self, values: Sequence[str], named: Iterable[str | None]) -> Refused | None:
        origin = _origin(values[0]) if len(values) == 1 else None
        if origin is None:
            text = f"the Origin {_quoted(', '.join(values))} is no single origin"
            return Refused(text, "send one Origin, as browsers do; no option allows others", "origin")
        if self._allows(origin, named):
            return None
        return Refused(
            f"pages of {_quoted(origin.text)} are served only if they are allowed",
            _advice("origin", origin.text),
            origin.key[:_SHOWN],
        )

    def _allows(self, origin: _Origin, named: Iterable[str | None]) -> bool:
        if self._any_origin or origin.text in self._rules.origins or origin.text in self._rules.pages:
            return True
        if origin.name is None:
            return False
        return _is_loopback(origin.name) or origin.name in self._rules.recorded or origin.name in named

    # -- requests of pages without an Origin: scripts, images, styles, frames

    def _foreign_page(self, method: str, shown: dict[str, list[str]], named: Iterable[str | None]) -> Refused | None:
        is_local = all(name is not None and _is_loopback(name) for name in named)
        if _is_navigation(method, shown) or self._is_own(shown, is_local=is_local):
            return None
        referer = shown.get("referer", [""])
        origin = _origin_of_url(referer[0]) if len(referer) == 1 else None
        if origin is not None and self._allows(origin, named):
            return None
        if origin is not None:
            return Refused(
                f"scripts, images and frames of pages of {_quoted(origin.text)} are served only if they are allowed",
                _advice("origin", origin.text),
                origin.key[:_SHOWN],
            )
        if "null" in self._rules.origins and referer == [""]:
            return None
        return Refused(
            "a browser sent this request without Origin and Referer, so its page is unknown",
            "let the page send its Referer (Referrer-Policy), or allow all pages that hide: "
            + _advice("origin", "null").removeprefix("allow it: "),
            "page",
        )

    @staticmethod
    def _is_own(shown: dict[str, list[str]], *, is_local: bool) -> bool:
        """Return whether no other page can have sent a request, as far as the headers tell."""
        if sites := shown.get("sec-fetch-site"):
            # `same-site` is another port of a loopback host, but another host of a site (HTML Standard, section 7.1.1)
            return sites in (["none"], ["same-origin"]) or (sites == ["same-site"] and is_local)
        if "referer" in shown:
            return False
        # To other hosts than loopback, browsers send no Sec-Fetch-*, and a page can leave out the Referer.
        return is_local or not any(agent.startswith(_BROWSERS) for agent in shown.get("user-agent", ()))

    # -- the token

    def _without_token(self, method: str, target: str, headers: Headers, *, is_lasting: bool) -> Admitted | Refused:
        if self._token is None:
            return Admitted(target, headers, is_lasting=is_lasting)
        target, in_target = _out_of_target(target)
        headers, in_headers = _out_of_headers(headers)
        came = any(hmac.compare_digest(_bytes(unquote(value)), self._token) for value in in_target)
        sent = any(hmac.compare_digest(_bytes(value), self._token) for value in in_headers)
        if came:
            cookie = f"{COOKIE}={self._rules.token}; Path=/; HttpOnly; SameSite=Lax"
            return Admitted(target, headers, (("Set-Cookie", cookie),), is_lasting=False)
        if sent:
            return Admitted(target, headers, is_lasting=is_lasting and not in_target)
        if cors.is_preflight(method, headers):  # a browser sends no token with it, and the answer holds nothing
            return Admitted(target, headers, is_lasting=False)
        return Refused(
            f"this stand-in needs its token, as the header {TOKEN_HEADER}, the cookie {COOKIE} or ?{PARAMETER}=… in the"
            " URL",
            "take the token from the file of --token, or from RECORDER_TOKEN (Python: token=)",
            "token",
        )


def hidden(text: str) -> str:
    """Return a text, for example a URL, without the token in it."""
    return _IN_TEXT.sub(r"\1…", text)


def _out_of_target(target: str) -> tuple[str, list[str]]:
    """Return a target without its tokens, and the tokens; the other parameters stay as they are."""
    path, mark, query = target.partition("?")
    if f"{PARAMETER}=" not in query:
        return target, []
    parts = query.split("&")
    kept = [part for part in parts if not part.startswith(f"{PARAMETER}=")]
    found = [part.partition("=")[2] for part in parts if part.startswith(f"{PARAMETER}=")]
    return (f"{path}{mark}{'&'.join(kept)}" if kept else path), found


def _out_of_headers(headers: Headers) -> tuple[Headers, list[str]]:
    """Return headers without the tokens in them, and the tokens; a Referer may hold one too, which does not count."""
    kept, found = [], []
    for name, value in headers:
        lower = name.lower()
        if lower == TOKEN_HEADER.lower():
            found.append(value)
            continue
        if lower == "cookie" and COOKIE in value:
            pairs = [pair.strip() for pair in value.split(";")]
            others = [pair for pair in pairs if not pair.startswith(f"{COOKIE}=")]
            if len(others) < len(pairs):
                # aiohttp quotes a value with `/` or `=` (RFC 6265, section 4.1.1 allows it)
                found += [pair.partition("=")[2].strip('"') for pair in pairs if pair.startswith(f"{COOKIE}=")]
                if others:
                    kept.append((name, "; ".join(others)))
                continue
        kept.append((name, hidden(value) if lower == "referer" else value))
    return tuple(kept), found


def _is_navigation(method: str, shown: dict[str, list[str]]) -> bool:
    """Return whether a request loads a document that another page cannot read: one with a tab of its own.

    Frames are no such documents. Neither are prefetched ones, which need no click. Browsers without Sec-Fetch-* do not
    say what they load; they ask for HTML in a navigation alone.
    """
    if method not in ("GET", "HEAD"):
        return False
    if "sec-fetch-site" not in shown:
        return any("text/html" in accepted for accepted in shown.get("accept", ()))
    purposes = (*shown.get("sec-purpose", ()), *shown.get("purpose", ()))
    is_document = (shown.get("sec-fetch-mode"), shown.get("sec-fetch-dest")) == (["navigate"], ["document"])
    return is_document and not any("prefetch" in purpose for purpose in purposes)


def _advice(kind: str, value: str) -> str:
    shown, option = _quoted(value), {"host": "hosts", "origin": "allow_origins"}[kind]
    return (
        f"allow it: recorder replay --allow-{kind} {shown}"
        f' (Python: allow_{kind}s=["{shown}"]; pytest: allow_{kind}="{shown}" in the marker cassette; addon of'
        f" mitmproxy: --set {option}={shown})"
    )


def _quoted(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _origin(text: str) -> _Origin | None:
    """Parse an origin as browsers write it; None if it is none."""
    if not cors.ORIGIN.fullmatch(text):
        return None
    text = text.lower()
    scheme, _, host = text.partition("://")
    if scheme not in _PORTS:
        return _Origin(text, None)
    name = _name(host)
    return _Origin(text.removesuffix(_PORTS[scheme]), name) if name else None


def _origin_of_url(url: str) -> _Origin | None:
    found = _URL.match(url)
    return None if found is None else _origin(found[1] + found[2])


def _name(host: str) -> str | None:
    """Return the name in a Host, in lower case, without port, brackets and the dot at its end; None if it has none."""
    found = _HOST.fullmatch(host)
    return None if found is None else _name_or_address(found[1])


def _name_or_address(host: str) -> str | None:
    name = host.lower().strip("[]").removesuffix(".")
    try:
        return str(ip_address(name))
    except ValueError:
        return None if host.startswith("[") else name or None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    """Return whether a name or an address leads to this machine, by itself (RFC 6761, section 6.3)."""
    try:
        address = ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address.is_loopback or (inner is not None and inner.is_loopback)


def _bytes(text: str) -> bytes:
    """Encode text for `hmac.compare_digest`, which takes text of ASCII only; a header may hold any characters."""
    return text.encode("utf-8", "surrogatepass")
