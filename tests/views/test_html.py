"""The file: everything in it, nothing it may load or run beside its own script, and data that cannot become markup."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from recorder.views.document import Document, page

HOSTILE = [
    "</script><script>window.__xss = 1</script>",
    "<!--<script>",
    "]]>",
    "{{data}} {{script}} }}",
    "\u2028\u2029\x00\x7f\u202e",
    "&lt;b&gt; &amp;",
]


class Parts(HTMLParser):
    """The elements of a page, and what stands in its scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.texts.append("")
        self.open = True

    def handle_endtag(self, tag: str) -> None:
        self.open = False

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[-1] += data

    def all(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(a, text) for (name, a), text in zip(self.tags, self.texts, strict=True) if name == tag]


def parsed(title: str = "title", **more: Any) -> Parts:
    parts = Parts()
    parts.feed(page(Document({"version": 2, "title": title, "recordings": [], **more})))
    return parts


def data_of(parts: Parts) -> Any:
    [text] = [text for a, text in parts.all("script") if a.get("id") == "data"]
    return json.loads(gzip.decompress(base64.b64decode(text, validate=True)))


def test_the_policy_lets_in_its_own_script_and_style_and_nothing_else() -> None:
    parts = parsed()

    [policy] = [a["content"] for a, _ in parts.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for _, text in (parts.all("style")[0], parts.all("script")[-1])
    ]
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{hashes[1]}'; style-src 'sha256-{hashes[0]}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def test_nothing_in_it_names_another_file_or_handles_an_event_inline() -> None:
    attributes = {name for _, given in parsed().tags for name in given}

    assert attributes.isdisjoint({"src", "href", "srcset", "action", "style"})
    assert [name for name in attributes if name.startswith("on")] == []


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_in_the_data_becomes_markup_and_all_of_it_comes_back(text: str) -> None:
    parts = parsed(recordings=[text, {text: text}])

    assert [name for name, _ in parts.tags] == [name for name, _ in parsed().tags]
    assert data_of(parts)["recordings"] == [text, {text: text}]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_title_becomes_markup(text: str) -> None:
    parts = parsed(title=text)

    assert [name for name, _ in parts.tags] == [name for name, _ in parsed().tags]


def test_the_licences_of_what_is_bundled_are_in_it() -> None:
    script = parsed().all("script")[-1][1]

    assert "THIRD PARTY" in script
    assert script.count("Copyright") >= len(re.findall(r"^d3-[a-z]+ \d", script, re.MULTILINE)) > 0


def test_half_a_surrogate_pair_does_not_break_the_file() -> None:
    assert data_of(parsed(recordings=["a\ud800b"]))["recordings"] == ["a?b"]
