"""The filter language: an expression or a FilterError in one line; both ways to judge a triple agree."""

from __future__ import annotations

from functools import cache

from recorder.errors import FilterError
from recorder.library.recording import derive
from recorder.model import Triple
from recorder.views import data as shown
from recorder.views.filter import fits, parse
from recorder.views.fitting import accepting
from tests.exporters.exports import hostile, preview_cassette
from tests.fuzz.guarding import must

TOKENS = (
    b"op:", b"handle:", b"ref:", b"session:", b"state:", b"event:", b"channel:", b"status:", b"rule:", b"confidence:",
    b"method:", b"path:", b"n:", b"ms:", b"events:", b">=", b"<", b"..", b"*", b"?", b"(", b")", b"-", b" or ",
    b" OR ", b" and ", b'"', b"\\", b"'", b"7", b"0.5", b"nan", b"inf", b"1e999", b"key:value", b"((((", b"not ",
    b"operation:",
)  # fmt: skip


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    text = data[:4096].decode("utf-8", "surrogateescape")  # each word is looked for in each triple
    try:
        expression = parse(text, ("handle", "reference"))
    except FilterError as exc:
        has_place = 1 <= exc.column <= len(text) + 1
        must(has_place and "\n" not in str(exc), f"a mistake that is badly told: {exc}")
        return
    judge = accepting(expression)
    for triple in _triples():
        assert judge(triple) == fits(expression, shown.triple(triple))


@cache
def _triples() -> tuple[Triple, ...]:
    return (*derive(preview_cassette()).triples[:3], *derive(hostile()).triples)
