"""Say why a template of paths or channels, or a request with one, fits nothing, and how to write it."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import quote

from ...bayeux.publishes import PUBLISH
from ...push.rules import MESSAGE
from .words import near

PATH, CHANNEL, TOPIC = "path", "channel", "topic"  # kinds of templates; a topic need not begin with a slash
_EXAMPLES = {PATH: "/api/users/{id}", CHANNEL: "/topic/{name}", TOPIC: "users.{id}"}
# The methods that IANA lists, and two of caches.
METHODS = frozenset((
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY", "PRI", "ACL",
    "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "LABEL", "LINK", "LOCK", "MERGE", "MKACTIVITY",
    "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "ORDERPATCH", "PROPFIND", "PROPPATCH", "REBIND",
    "REPORT", "SEARCH", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL",
    "PURGE", "BAN",
))  # fmt: skip
_OF_MESSAGES = frozenset({PUBLISH, MESSAGE})
_COMMON = ("GET", "POST", "PUT", "PATCH", "DELETE")
_NAME = re.compile(r"\{([^{}]*)\}")
# Parts as other tools write them: `:id`, `<id>`, `<int:id>`, `[id]`, `(?P<id>\d+)`, `*`, `%s`.
_OTHERS = re.compile(
    r":(?P<colon>\w+)|<(?:\w+:)?(?P<angle>\w+)>|\[\.*(?P<square>\w+)\]|\(\?P?<(?P<group>\w+)>[^/]*\)"
    r"|\.?\*+(?P<star>\w*)|%[sd]|\((?=[^()/]*[\\\[.])[^()/]*\)"
)
_NEVER = re.compile(r"[^!-~]|[\"<>\\^`|\[\]]|%(?![0-9A-Fa-f]{2})")  # in a URL path on the wire, RFC 3986
_SAFE = "/!$&'()*+,;=:@-._~%"
_URL = re.compile(r"(?:[A-Za-z][\w+.-]*:)?//[^/]*")
_QUERY = re.compile(r"(?<!\()[?#]")
_PART = "\0"  # in place of a named part: no other template has it


class Mistake(NamedTuple):
    """A mistake in a text, and the text without the mistake."""

    cause: str
    meant: str


def in_template(template: str, kind: str = PATH) -> Mistake | None:
    """Return the first mistake in a template of URL paths, of channels or of topics; None if there is none."""
    is_url = kind == PATH
    if not template.strip():
        return Mistake("is empty", _EXAMPLES[kind])
    if kind == TOPIC:
        return _in_braces(template)
    if is_url and (found := re.match(r"[A-Za-z][\w+.-]*://[^/]*", template)):
        return Mistake("is a whole URL; only its path is compared", template[found.end() :] or "/")
    if not template.startswith("/"):
        return Mistake("must begin with a slash", f"/{template.lstrip('^/')}")
    if is_url and (found := _QUERY.search(_NAME.sub(lambda name: "x" * len(name[0]), template))):
        return Mistake("has a query or fragment; only the path is compared", template[: found.start()])
    return _in_braces(template) or _of_other_tools(template) or (_never(template) if is_url else None)


def _in_braces(template: str) -> Mistake | None:
    if "${" in template:
        return Mistake("has a '$' before a part", template.replace("${", "{"))
    if re.search(r"\{\{|\}\}", template):
        return Mistake("has doubled braces", re.sub(r"([{}])\1+", r"\1", template))
    if set(_NAME.sub("", template)) & set("{}"):
        parts = (f"{{{_identifier(part)}}}" if set(part) & set("{}") else part for part in template.split("/"))
        return Mistake("has a brace without its partner", "/".join(parts))
    names: list[str] = []
    for name in _NAME.findall(template):
        if not name.isidentifier():
            meant = template.replace(f"{{{name}}}", f"{{{_identifier(name)}}}")
            return Mistake(f"a name in braces is invalid: {name!r} is no word of letters, digits and _", meant)
        if name in names:
            first, _, rest = template.partition(f"{{{name}}}")
            meant = f"{first}{{{name}}}{rest.replace(f'{{{name}}}', f'{{{name}2}}', 1)}"
            return Mistake(f"a name in braces is invalid: {name!r} stands twice", meant)
        names.append(name)
    if "}{" in template:
        return Mistake("has two parts with nothing between them", template.replace("}{", "}/{"))
    return None


def _of_other_tools(template: str) -> Mistake | None:
    parts = template.split("/")
    named = [_part_of_other_tools(part) for part in parts]
    wrong = next((part for part, name in zip(parts, named, strict=True) if name is not None), None)
    if wrong is None:
        return None
    meant = "/".join(part if name is None else f"{{{name}}}" for part, name in zip(parts, named, strict=True))
    return Mistake(f"has {wrong!r}, which is compared letter by letter; a part that varies has a name in braces", meant)


def _part_of_other_tools(part: str) -> str | None:
    """Return the name of a part that is written as by other tools, None if it is not."""
    plain = _NAME.sub("", part)
    found = re.fullmatch(_OTHERS, plain) if plain == part else None
    if found is None and "*" in plain:
        found = re.search(r"(?P<star>\*+)", plain)
    if found is None:
        return None
    return next((name for name in found.groups() if name and name.isidentifier()), "id")


def _never(template: str) -> Mistake | None:
    found = _NEVER.search(_NAME.sub("", template))
    if found is None:
        return None
    parts = re.split(r"(\{[^{}]*\})", template.split(maxsplit=1)[0] if found[0].isspace() else template)
    meant = "".join(part if part.startswith("{") else quote(part, _SAFE, errors="surrogatepass") for part in parts)
    return Mistake(f"has {found[0]!r}, which is in no path on the wire", re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", meant))


def in_method(method: str) -> Mistake | None:
    """Return why a method is no method of HTTP, and which was meant; None if it is one, or that of a message."""
    if method in METHODS or method in _OF_MESSAGES:
        return None
    plain = method.strip(" :").upper()
    if plain in METHODS or plain in _OF_MESSAGES:
        return Mistake("is compared letter by letter", plain)
    like = near(plain, _COMMON) or near(plain, METHODS, 0.75)
    return Mistake("is no method of HTTP", like or "POST")


def in_request(request: str, methods: Collection[str]) -> Mistake | None:
    """Return the first mistake in a request such as `POST /a/{id}`, and the request without it; None if it has none."""
    default = next((method for method in _COMMON[1:] if method in methods), "POST")
    words = request.split(None, 1)
    if not words:
        return Mistake("is empty; it is a method and a path", f"{default} /a/{{id}}")
    first, rest = words[0], words[1].strip() if len(words) > 1 else ""
    if first.startswith("/") or _URL.match(first):
        *_, last = request.split()
        named = last.upper() if rest and last.upper() in METHODS else default
        return Mistake("must be a method and a path", f"{named} {fixed(first)}")
    if not rest:
        named = first.upper() if first.upper() in METHODS else default
        path = first if named == default and first.upper() != default else "a/{id}"
        return Mistake("must be a method and a path", f"{named} /{path.lstrip('/')}")
    wrong = in_method(first)
    if wrong is not None:
        meant = rest if wrong.meant == MESSAGE else fixed(rest)
        return Mistake(f"{first!r} {wrong.cause}", f"{wrong.meant} {meant}")
    found = in_template(rest, {PUBLISH: CHANNEL, MESSAGE: TOPIC}.get(first, PATH))
    if found is None:
        return None
    return Mistake(f"{rest!r} {found.cause}", f"{first} {found.meant if first == MESSAGE else fixed(found.meant)}")


def parts(template: str) -> list[str]:
    """Return the names in braces of a template."""
    return _NAME.findall(template)


def covers(general: str, template: str) -> bool:
    """Return whether a template fits each path that another one fits."""
    sample = _NAME.sub(_PART, template)
    pattern = "[^/]+".join(map(re.escape, _NAME.split(general)[::2]))
    return re.fullmatch(pattern, sample) is not None


def fixed(template: str) -> str:
    """Return a template of paths without its mistakes, as far as each has a remedy."""
    for _ in range(8):
        found = in_template(template)
        if found is None:
            return template
        template = found.meant
    return template


def _identifier(text: str) -> str:
    """Return a name in braces that is allowed, made of one that is not."""
    name = re.sub(r"\W+", "_", text.partition(":")[0]).strip("_")
    return name if name.isidentifier() else "id"
