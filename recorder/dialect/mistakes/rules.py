"""Find mistakes in the tables of a dialect about sessions, acks, events, links and replays."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from urllib.parse import urlsplit

from ...bayeux.channels import is_meta
from ..checks import ATTRIBUTES
from ..definition import NOTIFICATION, Dialect
from ..tables import Table
from ..values import paths_in
from .keys import gives
from .words import listed, near, quoted

_MOST = 100  # groups that the others are compared with: a dialect may come with a cassette of anybody
_NAME = re.compile(r"[\w-]{1,64}")
_TOKEN = re.compile(r"[\w!#$%&'+.^`|~-]+", re.ASCII)  # RFC 6265, section 4.1.1, without `*`


def check(top: Table, dialect: Dialect) -> None:
    """Report the mistakes in a dialect's tables of rules."""
    _texts(top)
    _name(top)
    _prefix(top)
    _cookies(top)
    _times(top, dialect)
    _ack(top, dialect)
    _marks(top, dialect)
    _twin(top, dialect)
    _tuple(top)
    _replay(top, dialect)
    _ordered(top, dialect)


def _texts(top: Table) -> None:
    """Report texts in lists that are empty, have white space around them, or stand there twice."""
    for table, key, texts in top.lists():
        counted = Counter(texts)
        twice = next((text for text in counted if counted[text] > 1), None)
        for text in counted:
            if not text.strip():
                rest = [one for one in texts if one != text]
                meant = f"write {key} = {listed(rest)}" if rest else "write a text there, or delete it"
                table.wrong(key, f"{text!r} is no value; {meant}", item=text)
            elif text != text.strip():
                table.wrong(key, f"{text!r} has white space around it; write {quoted(text.strip())}", item=text)
            elif text == twice:
                told = f"{text!r} stands {counted[text]} times in this list"
                table.wrong(key, f"{told}; write {listed(counted)}", item=text)


def _name(top: Table) -> None:
    name = top.raw("name")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        meant = re.sub(r"[^\w-]+", "-", name.removesuffix(".toml")).strip("-")[:64] or "my-api"
        told = "must have 1 to 64 letters, digits, hyphens and underscores"
        top.wrong("name", f"{told}; write name = {quoted(meant)}")


def _prefix(top: Table) -> None:
    prefix = top.raw("bayeux_prefix")
    if not isinstance(prefix, str):
        return
    plain = prefix.strip()
    path = urlsplit(plain).path if re.match(r"[A-Za-z][\w+.-]*://[^\[\]]*$", plain) else re.split(r"[?#]", plain)[0]
    meant = "/" + re.sub(r"[*{}<>\s].*", "", path).strip("/")
    if not plain.strip("/"):
        if not plain:
            top.wrong(
                "bayeux_prefix",
                'is empty; write the URL path of CometD, such as bayeux_prefix = "/cometd", or delete it',
            )
    elif not plain.startswith("/"):
        top.wrong("bayeux_prefix", f"{prefix!r} must begin with a slash; write bayeux_prefix = {quoted(meant)}")
    elif plain != prefix or not re.fullmatch(r"[^?#*{}<>\s]+", prefix):
        told = f"{prefix!r} is compared letter by letter with the begin of a path"
        top.wrong("bayeux_prefix", f"{told}; write bayeux_prefix = {quoted(meant)}")


def _cookies(top: Table) -> None:
    names = top.raw("session_cookies")
    for name in map(str.strip, _strings(names)):
        is_other = name.lower().startswith("cookie.") or name.lower() in ATTRIBUTES
        if not name or (_TOKEN.fullmatch(name) and not is_other):
            continue
        plain = re.sub(r"^(?:set-cookie2?|cookie)\s*[:.]\s*", "", name.strip(), flags=re.IGNORECASE)
        plain = re.split(r"[=;,\s]", plain)[0].replace("*", "")
        known = _TOKEN.fullmatch(plain) and plain.lower() not in ATTRIBUTES
        meant = f"write its name alone, {quoted(plain)}" if known else 'write one such as "JSESSIONID"'
        top.wrong("session_cookies", f"{name!r} is no name of a cookie; {meant}", item=name)


def _times(top: Table, dialect: Dialect) -> None:
    open_for, grace = dialect.open_for, dialect.grace
    if top.raw("open_for") == 0 and not isinstance(top.raw("open_for"), bool):
        top.wrong("open_for", "is 0, so no operation ever waits for an event; write open_for = 60.0")
    elif grace > open_for > 0:
        told = f"is longer than open_for, {open_for:g}: an ended operation would wait longer than an open one"
        top.wrong("grace", f"{told}; write grace = {min(2.0, open_for):g}")


def _ack(top: Table, dialect: Dialect) -> None:
    ack = top.table("ack")
    if dialect.ack_status and ack.raw("success") == []:
        ack.wrong("success", 'names no status, so each ack with one is a refusal; write those that mean success: ["0"]')
    if dialect.ack_success and ack.raw("status") == []:
        told = "names no path, so `success` is never compared"
        ack.wrong("status", f'{told}; write the path of the status, such as ["body.statusCode"], or success = []')


def _marks(top: Table, dialect: Dialect) -> None:
    """Report marks of errors and heartbeats that no event has, or that exclude each other."""
    event = top.table("event")
    for name, marks in (("error", dialect.error_marks), ("ignore", dialect.ignore)):
        table = event.table(name, optional=True)
        if name in event and isinstance(event.raw(name), dict) and table.is_empty():
            event.wrong(name, f'names no mark; write one, such as "data.type" = "{name}", or delete [event.{name}]')
        for path, texts in marks.items():
            if path == "channel":
                for text in sorted(texts):
                    _channel(table, path, text, has_topics=dialect.has_topics)
            elif "" in texts:
                table.wrong(path, '"" is no value; write the text that marks the event, or delete the line')
            for text in sorted(one for one in texts if "*" in one and path != "channel"):
                table.wrong(
                    path, f"{text!r} is compared letter by letter; write each text that marks an event", item=text
                )
    if "error" not in event:
        for key, is_there in (("error_same", bool(dialect.error_same)), ("error_after_ack", dialect.error_after_ack)):
            if is_there:
                told = "has no effect: without [event.error] no event is an error"
                event.wrong(key, f'{told}; write its marks, such as "data.type" = "Error", or delete {key}')
    for path in dialect.ignore.keys() & dialect.error_marks.keys():
        for text in sorted(dialect.ignore[path] & dialect.error_marks[path]):
            told = f"{text!r} marks errors in [event.error] too, and an ignored event is never linked"
            event.table("ignore").wrong(path, f"{told}; delete it in one of both", item=text)
    _ignored_names(event.table("ignore", optional=True), dialect)


def _ignored_names(ignore: Table, dialect: Dialect) -> None:
    names = {event: name for name, known in dialect.operations.items() for event in known.events}
    sources = dialect.event_keys.get(NOTIFICATION, ("channel",))
    for path, texts in dialect.ignore.items():
        others = [one for one in sources if one != path]
        for text in sorted(texts & names.keys()) if path in sources else ():
            if not any(gives(other, text) for other in others):
                told = f"{text!r} is an event of [operations.{names[text]}], and an ignored event is never linked"
                ignore.wrong(path, f"{told}; delete it in one of both", item=text)


def _channel(table: Table, key: str, channel: str, *, has_topics: bool = False) -> None:
    """Report a text that is the name of no channel of events."""
    if not channel.startswith("/") and not has_topics:
        table.wrong(key, f"{channel!r} is no channel; write {quoted('/' + channel)}", item=channel)
    elif "*" in channel:
        told = "is compared letter by letter, `*` has no meaning here; write the whole name of a channel"
        meant = quoted(re.sub(r"/?\*+", "", channel) or "/events")
        table.wrong(key, f"{channel!r} {told}, such as {meant}", item=channel)
    elif is_meta(channel):
        table.wrong(key, f'{channel!r} carries no events; write a channel such as "/events"', item=channel)


def _twin(top: Table, dialect: Dialect) -> None:
    twin = top.table("twin", optional=True)
    for key, channel in (("channel", dialect.twin_channel), ("of", dialect.twin_of)):
        if channel or twin.raw(key) == "":
            _channel(twin, key, channel)
    if dialect.twin_channel and dialect.twin_channel == dialect.twin_of:
        told = "is the channel of `of` too, so each event would be its own copy"
        twin.wrong("channel", f"{told}; write the channel on which the copies come, or delete [twin]")
    if twin.raw("same") == []:
        told = "names no key, so any two events would be twins"
        twin.wrong("same", f"{told}; write keys of [event.keys]: {listed(sorted(dialect.event_keys)[:3])}")
    siblings = top.table("siblings", optional=True)
    if siblings.raw("same") == []:
        told = "names no key, so any two events would be siblings"
        siblings.wrong("same", f"{told}; write the key of [event.keys] that they share, or delete [siblings]")
    if NOTIFICATION in dialect.sibling_same:
        told = f"{NOTIFICATION!r} is the name of an event, which siblings need not share"
        siblings.wrong("same", f"{told}; write the key of what they have in common", item=NOTIFICATION)


def _tuple(top: Table) -> None:
    table = top.table("tuple", optional=True)
    if table.raw("same") == []:
        table.wrong(
            "same", "names no key, so no event agrees with a request; write keys that both have, or delete [tuple]"
        )
    groups = table.raw("enough")
    if not isinstance(groups, list) or not all(isinstance(group, list) for group in groups):
        return
    if not groups:
        table.wrong("enough", 'has no group, so rule 4 links nothing; write keys of `same`: [["…"]]')
    before: list[set[str]] = []
    for group in groups:
        if not all(isinstance(key, str) for key in group):
            return
        twice = next((key for key in group if group.count(key) > 1), None)
        if twice is not None:
            meant = listed(dict.fromkeys(group))
            table.wrong("enough", f"{twice!r} stands {group.count(twice)} times in a group; write {meant}", item=twice)
        weaker = next((one for one in before[:_MOST] if one <= set(group)), None)
        if weaker is not None:
            told = f"the group {listed(group)} never counts: {listed(sorted(weaker))} before it is enough already"
            meant = "delete it" if weaker == set(group) else "write it before that group"
            table.wrong("enough", f"{told}; {meant}", item=group[0] if group else None)
        before.append(set(group))


def _replay(top: Table, dialect: Dialect) -> None:
    """Report ids that are left out of the comparison of requests, and a name of an extension that is none."""
    replay, push = top.table("replay", optional=True), top.table("push", optional=True)
    keys = {path: key for key in (*dialect.exact, *dialect.minted) for path in paths_in(dialect.sources(key))}
    for path in _strings(replay.raw("volatile")):
        if path in keys:
            told = f"{path!r} is where the key {keys[path]!r} is, which the replay compares and replaces"
            replay.wrong("volatile", f"{told}; delete it here", item=path)
    name = push.raw("replay")
    if isinstance(name, str) and not re.fullmatch(r"[^\s.]+", name):
        meant = name.strip().removeprefix("ext.").replace(".", "") or "replay"
        push.wrong("replay", f"{name!r} is no name of an extension in `ext`; write replay = {quoted(meant)}")


def _ordered(top: Table, dialect: Dialect) -> None:
    """Report entries of `ordered` that no event and no ack fits: wrong patterns, and names that are misspelt."""
    event = top.table("event")
    known = {*dialect.operations, *chain.from_iterable(one.events for one in dialect.operations.values())}
    for text in chain.from_iterable(dialect.ordered):
        plain = text.removesuffix("/**").removesuffix("/*")
        if text.startswith("/") and "*" in plain:
            told = f"{text!r} is no channel and no pattern"
            event.wrong("ordered", f'{told}; write "/a/b", "/a/*" or "/a/**"', item=text)
        elif not text.startswith("/") and text not in known and (like := near(text, known)):
            told = f"{text!r} is no event and no operation in this dialect"
            event.doubt("ordered", f"{told}; did you mean {like!r}?", item=text)


def _strings(value: object) -> Iterable[str]:
    """Return the different texts of a list; nothing for another value, which is reported where it is read."""
    return dict.fromkeys(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
