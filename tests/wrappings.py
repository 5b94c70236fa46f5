"""The forms in which servers and clients send JSON: marks, charsets, guards, comments and calls, by name."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import TypeAlias

Wrapping: TypeAlias = Callable[[bytes], bytes]


def _around(before: str, after: str = "", codec: str = "utf-8") -> Wrapping:
    return lambda body: (before + body.decode() + after).encode(codec)


GUARDS = {
    "while": ("while(1);", ""),
    "while true": ("while (true);\n", ""),
    "for": ("for(;;);", ""),
    "for and blanks": (" for (;;);\r\n", "\r\n"),
    "Angular": (")]}',\n", ""),
    "Gerrit": (")]}'\n", ""),
    "Dojo": ("{}&&", ""),
    "Spring": ("{} && ", ""),
    "Google": ("throw 1; < don't be evil' >", ""),
    "DWR": ("throw 'allowScriptTagRemoting is false.';", ""),
    "AppEngine": ("&&&START&&&", ""),
    "Medium": ("])}while(1);</x>", ""),
    "comment": ("/*", "*/"),
    "comment and blanks": (" /* ", " */ "),
    "Prototype": ("/*-secure-\n", "\n*/"),
    "comment behind a loop": ("while(1);/*", "*/"),
}
CALLS = {
    "JSONP": ("cb1(", ")"),
    "JSONP of Jetty": ("/**/jQuery.cb_1(", ");"),
    "JSONP of Express": ("/**/ typeof cb === 'function' && cb(", ");"),
    "JSONP of an element": ('parent["cb"] ( ', " ) ;\n"),
    "JSONP behind a loop": ("for(;;);cb(", ")"),
    "JSONP in a comment": ("/*cb(", ");*/"),
}
MARKED = {
    "UTF-8 with a mark": codecs.BOM_UTF8,
    "UTF-16 little": codecs.BOM_UTF16_LE,
    "UTF-16 big": codecs.BOM_UTF16_BE,
    "UTF-32 little": codecs.BOM_UTF32_LE,
    "UTF-32 big": codecs.BOM_UTF32_BE,
}
_CODECS = {"UTF-8 with a mark": "utf-8", "UTF-16 little": "utf-16-le", "UTF-16 big": "utf-16-be"} | {
    "UTF-32 little": "utf-32-le",
    "UTF-32 big": "utf-32-be",
}


def _marked(name: str, before: str = "", after: str = "") -> Wrapping:
    return lambda body: MARKED[name] + _around(before, after, _CODECS[name])(body)


WRAPPINGS: dict[str, Wrapping] = {
    "white space": _around(" \r\n\t", " \n"),
    **{name: _around(*text) for name, text in (GUARDS | CALLS).items()},
    **{name: _marked(name) for name in MARKED},
    **{f"{name} without a mark": _around("", codec=_CODECS[name]) for name in MARKED if name != "UTF-8 with a mark"},
    "mark and white space": _marked("UTF-8 with a mark", "\r\n"),
    "mark and loop": _marked("UTF-8 with a mark", "while(1);"),
    "mark and JSONP": _marked("UTF-8 with a mark", "cb(", ");"),
    "UTF-16 and comment": _marked("UTF-16 little", "/*", "*/"),
    "UTF-16 and guard without a mark": _around(")]}',\n", codec="utf-16-be"),
    "UTF-16 and JSONP without a mark": _around("callback(", ")", codec="utf-16-le"),
    "UTF-16 and half a character": lambda body: _marked("UTF-16 little")(body) + b"\n",
}
