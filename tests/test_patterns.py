from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import PolicyError
from recorder.patterns import AtRuns, Unbounded, compiled
from recorder.redaction.policy import parse
from tests.costs import assert_cheap

EVIL = [
    r"(a+)+$", r"(a|aa)+$", r"(a*)*b", r"(?:a|a)+b", r"(\w+\s?)+$", r".*foo.*bar", r"(.*a){20}", r"(?:[a-z]+)+\d",
    r"\d+\d+\d+x", r"(x+x+)+y", r"(?:.{0,100}){3}x", r"a.*b.*c", r"(?=.*\d)[a-z]", r"(a{1,50}){1,50}z", r"(.)\1+x",
    r"^(([a-z])+.)+[A-Z]([a-z])+$", r"password=.*;", r"(?:(?:a?){30})a{30}", r".{0,40}.{0,40}x", r"[a-z]+:[^;]+;",
    r"(?:x|a[a-z]*;)", r"(?:[a-z]+-)+", r"(?i:token)\d", r"(?:^){2,}a", r"(a)(?(1)b|c)",
    r"(?:a|a){0,30}b", r"(?:(?:[ab]x|bx)d){0,30}e", r"(?:(?:a{1,3}b?)|z){0,30}c", r"(?:|){30}x", r"(?i)x(?:ab|AB)*c",
    r"(?m)^\s+x", r"(?s)\n.*;", r"(?<!a(?=b))a+c", r"(?<!\ba)a+c", r"\b[a-z-]+;", r"(?<!x)k[a-z]+;",
]  # fmt: skip
HARMLESS = [
    r"[A-Z]{2,5}-\d+", r"\w+@corp\.com", r"[A-Z]+-\d+", r"secret=(\S+)", r"(?<![\w-])[\w-]{20,}!", r"AG-\d{6}",
    r"(?:\d{4}[ -]?){3}\d{4}", r"\bEMP\d{5}\b", r"[\w.+-]+@[\w-]+\.example", r"agent: ([^\n]*)",
    r"CUST-(?:\d+-)+[A-Z]{2}", r"(?<!\d)\d{9}(?!\d)", r"(?:%[0-9A-F]{2})+", r"\b\w+-id\b", r"[^@\s]{1,64}@[^@\s]+",
    r"(?:\+49|0)[ ]?\d{2,5}[ /-]?\d{3,8}", r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}", r"https?://[\w.-]+/[^\s\"]*",
    r"(?:Kunde|Client|Customer)[ :#]*(\d{5,12})", r"\b[A-Z][a-z]+ [A-Z][a-z]+\b", r"\d+[a-z]+;", r"é+x",
    r"(?<!\d)(?:\d[ -]?){13,19}(?!\d)", r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}", r"://([^\s/:@\"]+:[^\s/@\"]+)@",
    r"\bK\w+;", r"(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]+", r"^Bearer .*$",
    r"(?<![\w.-])sip:[\w.-]+@[\w.-]+;", r"(?:\d{1,3}\.){3}\d{1,3}", r"[a-z]++\d", r"x(?>ab|a)c", r"[^x]+?x",
]  # fmt: skip
WORST = [
    "a",
    "A",
    "1",
    "aA1",
    "a ",
    "a-",
    "1-",
    "a.",
    "ab",
    "%2F",
    ".",
    "é",
    "x",
    "://a:",
    "a@",
    "Kunde ",
    " ",
    "K",
    "eyJ",
    "eyJ.",
    "sip:",
]


@pytest.mark.parametrize("pattern", EVIL)
def test_an_expression_that_may_take_more_than_linear_time_is_refused(pattern: str) -> None:
    with pytest.raises(Unbounded, match=r"give the repeat a largest number|repeat less|write"):
        compiled(pattern)


@pytest.mark.parametrize("pattern", HARMLESS)
def test_a_harmless_expression_takes_time_for_the_length_of_a_text_only(pattern: str) -> None:
    made = compiled(pattern)
    pieces = random.Random(pattern).sample(WORST, 5)
    texts = [(piece * 40_000)[:40_000] for piece in pieces]

    def act() -> None:
        for text in texts:
            for _ in made.finditer(text):
                pass

    assert_cheap(act, below=4)  # one quadratic search takes longer


@given(st.sampled_from(HARMLESS), st.text("aAbx1-. é@:/%K\n", max_size=60))
def test_an_expression_finds_what_re_finds(pattern: str, text: str) -> None:
    found = [match.span() for match in compiled(pattern).finditer(text)]

    assert found == [match.span() for match in re.finditer(pattern, text)]


@pytest.mark.parametrize("text", ["ab-cde-f", "aaa-a-aaa", "a-bb-c1-d"])
def test_a_match_that_ends_within_a_run_hides_no_later_one(text: str) -> None:
    made = compiled(r"[a-z]+-[a-z]")

    assert isinstance(made, AtRuns)
    assert made.groups == 0
    assert [match.span() for match in made.finditer(text)] == [
        match.span() for match in re.finditer(r"[a-z]+-[a-z]", text)
    ]


@pytest.mark.parametrize("pattern", [r"(a+)+$", r".*a.*b", r"(\w+\s?)+x"])
def test_a_policy_names_the_expression_that_could_take_minutes(pattern: str) -> None:
    with pytest.raises(PolicyError) as error:
        parse(f"name = 'mine'\nextends = 'gws'\n[values]\nsecret = ['{pattern}']\n", path="mine.toml")

    assert repr(pattern) in str(error.value)
    assert "mine.toml:4" in str(error.value)
    assert "could take minutes" in str(error.value)
