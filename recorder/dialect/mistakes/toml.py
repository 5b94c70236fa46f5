"""Tell where the statements of a TOML text begin, and explain why a text is not TOML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

_KEY = r"(?:\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[^\s\"'\[\]{}#=.,]+)"
KEYS = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"  # a dotted key; bare keys may have more characters than TOML allows
_BEGIN = re.compile(rf"[ \t]*(?:({KEYS})[ \t]*=|\[\[?[ \t]*({KEYS})[ \t]*\]\]?[ \t]*(?:#.*)?$)")
# a text without its end goes on to the end of the file or line: nothing is looked at twice, however hostile the file
_TOKEN = re.compile(
    r"\"\"\"(?:[^\\]|\\.)*?(?:\"\"\"|\\?\Z)|'''.*?(?:'''|\Z)|\"(?:[^\"\\\n]|\\.)*+\"?|'[^'\n]*+'?|#[^\n]*|[\[\]{}\n]",
    re.DOTALL,
)
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_TYPOGRAPHIC = re.compile("[\u2018\u2019\u201a\u201c-\u201e\xab\xbb]")
_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"  # the byte order mark
_TOO_MANY_DIGITS = "Exceeds the limit"  # message of int(), see sys.set_int_max_str_digits
_DIGITS = re.compile(r"[\d_]{600}")  # no limit of int() is below 640 digits
_SURROGATE = re.compile("[\ud800-\udfff]")

# By the begin of a message of tomllib, what to write.
_PROPOSALS = (
    ("Expected '=' after", "write KEY = VALUE, a table as [TABLE], a comment after #"),
    ("Invalid statement", "write KEY = VALUE, a table as [TABLE], a comment after #"),
    ("Invalid initial character", 'write the name of a table or key there; one with other characters as "a/b"'),
    ("Illegal character", "end the text in the line in which it begins, with the same quotation mark"),
    ("Unterminated string", "end the text with a quotation mark"),
    ("Expected \"'", "end the text with the quotation marks with which it begins"),
    ("Unescaped", "write \\\\ for a backslash, or the text between the quotation marks '…'"),
    ("Expected newline", 'write one KEY = VALUE in a line, several values as a list: ["a", "b"]'),
    ("Unclosed array", "write a comma between the values, and ] after the last"),
    ("Unclosed inline", "write a comma between the members, and } after the last, all in one line"),
    ("Expected ']'", "end the name of the table with ]"),
    (
        "Invalid value",
        'write texts as "text", lists as ["a", "b"], numbers as 60.0, and true or false in small letters',
    ),
)


def statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line that is not inside a value begun in a line above."""
    lines = text.split("\n")
    return ((number, lines[number - 1]) for number, opened in _lines(text) if opened is None)


def begins(line: str) -> tuple[str, bool] | None:
    """Return the dotted key with which a line begins a pair or a table, and whether it is a table; None for neither."""
    found = _BEGIN.match(line)
    return (found[1] or found[2], found[1] is None) if found else None


def explained(text: str, message: str) -> tuple[int, str]:
    """Return the line of the mistake by which a text is not TOML, and its cause with a proposal.

    Args:
        text: The text.
        message: The message of tomllib, or of int().
    """
    lines = text.split("\n")
    place = _PLACE.search(message)
    last = max((number for number, line in enumerate(lines, 1) if line.strip()), default=1)
    at = int(place[1]) if place and place[1] else last
    if text.startswith(_MARK):
        return 1, "begins with a byte order mark; save the file as UTF-8 without it (BOM)"
    if message.startswith(_TOO_MANY_DIGITS):
        long = (number for number, line in enumerate(lines, 1) if _DIGITS.search(line))
        return next(long, 1), "a number has too many digits; write a shorter one, or a text between quotation marks"
    if place is None:  # RecursionError
        return 1, "nests its values too deep; a dialect needs lists of lists at most"
    opened = dict(_lines(text)).get(at)
    if opened is not None and opened != at and begins(lines[at - 1]):
        return opened, f"the list that begins here has no end; write ] after its last value, before line {at}"
    if message.startswith(("Cannot declare", "Cannot overwrite", "Cannot mutate", "Duplicate")):
        return at, f"{message}; {_twice(lines, at)}"
    proposal = next((told for begin, told in _PROPOSALS if message.startswith(begin)), _PROPOSALS[0][1])
    return at, f"{message}; {_quotes(lines[at - 1]) or proposal}"


def halved(text: str) -> tuple[int, str] | None:
    """Return the line and the cause of the first lone surrogate in a text, None if there is none.

    A TOML file is UTF-8, which has none; but the header of a cassette may hold any text, and tomllib takes any.
    """
    found = _SURROGATE.search(text)
    if found is None:
        return None
    line = text.count("\n", 0, found.start()) + 1
    return line, f"{found[0]!r} is half a character; write the whole character, or delete it"


def undecodable(error: UnicodeDecodeError) -> tuple[int | None, str]:
    """Return the line of the first byte of a file that is not UTF-8, if it has lines, and the cause with a proposal."""
    if b"\0" in error.object[:1000] or error.object.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None, "it is UTF-16, or no text; save it as UTF-8"
    line = error.object.count(b"\n", 0, error.start) + 1
    return line, f"byte 0x{error.object[error.start]:02x} is not UTF-8; save the file as UTF-8"


def _twice(lines: list[str], at: int) -> str:
    """Return a proposal for a key or table in a line that stands in a line above too."""
    own = begins(lines[at - 1])
    table = ""
    for number, line in enumerate(islice(lines, at - 1), 1):
        found = begins(line)
        if found == own and own is not None and (own[1] or table == _table(lines, at)):
            kept = f"table [{own[0]}]" if own[1] else f"key {own[0]!r}"
            return f"the {kept} is in line {number} already: write it once, with all that belongs to it"
        table = found[0] if found and found[1] else table
    return "write each key and each table once"


def _table(lines: list[str], at: int) -> str:
    """Return the name of the table that a line stands in."""
    found = (begins(line) for line in reversed(lines[: at - 1]))
    return next((one[0] for one in found if one and one[1]), "")


def _quotes(line: str) -> str:
    """Return a proposal for typographic quotation marks."""
    return "write the quotation marks \" or ' in place of typographic ones" if _TYPOGRAPHIC.search(line) else ""


def _lines(text: str) -> Iterator[tuple[int, int | None]]:
    """Yield the number of each line, and the line in which the outermost value around its begin was opened, if any."""
    number, opened = 1, list[int]()
    yield 1, None
    for found in _TOKEN.finditer(text):
        part = found[0]
        if part in {"[", "{"}:
            opened.append(number)
        elif part in {"]", "}"}:
            del opened[-1:]
        elif part == "\n":
            number += 1
            yield number, opened[0] if opened else None
        else:  # a text, over several lines perhaps
            around = opened[0] if opened else number
            yield from ((number + more, around) for more in range(1, part.count("\n") + 1))
            number += part.count("\n")
