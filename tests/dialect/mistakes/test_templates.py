"""A template of paths that fits nothing is told, and written as it was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.mistakes.templates import covers, fixed, in_request, in_template


@pytest.mark.parametrize(
    ("template", "meant"),
    [
        ("a/{id}", "/a/{id}"),
        ("https://h.example:8443/a/{id}", "/a/{id}"),
        ("https://h.example", "/"),
        ("/a/{id}?x={y}", "/a/{id}"),
        ("/a#b", "/a"),
        ("/a/{id", "/a/{id}"),
        ("/a/id}/b", "/a/{id}/b"),
        ("/a/{}/b", "/a/{id}/b"),
        ("/a/{{id}}", "/a/{id}"),
        ("/a/${id}", "/a/{id}"),
        ("/a/{order-id}", "/a/{order_id}"),
        (r"/a/{id:\d+}", "/a/{id}"),
        ("/a/{1}", "/a/{id}"),
        ("/{h}/{h}", "/{h}/{h2}"),
        ("/{a}{b}", "/{a}/{b}"),
        ("/a/:id/b", "/a/{id}/b"),
        ("/a/<int:id>", "/a/{id}"),
        ("/a/[id]", "/a/{id}"),
        (r"/a/(?P<id>\d+)/b", "/a/{id}/b"),
        (r"/a/(\d+)", "/a/{id}"),
        ("/a/*/b", "/a/{id}/b"),
        ("/a/.*", "/a/{id}"),
        ("/a/%s", "/a/{id}"),
        ("/ü/{x}", "/%C3%BC/{x}"),
        ("/100%", "/100%25"),
        ("^/a", "/a"),
        ("/a HTTP/1.1", "/a"),
    ],
)
def test_a_template_is_written_as_it_was_meant(template: str, meant: str) -> None:
    assert in_template(template) is not None
    assert fixed(template) == meant
    assert in_template(meant) is None


@pytest.mark.parametrize(
    "template",
    ["/", "/a/", "//a", "/a/{id}", "/{a}-{b}", "/A({id})", "/{id}:cancel", "/a;x=1", "/a%20b", "/$batch", "/{ü}"],
)
def test_a_template_that_may_fit_is_taken(template: str) -> None:
    assert in_template(template) is None


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("", "PUT /a/{id}"),
        ("/a", "PUT /a"),
        ("POST", "POST /a/{id}"),
        ("post /a", "POST /a"),
        ("POTS /a", "POST /a"),
        ("POST: /a", "POST /a"),
        ("/a POST", "POST /a"),
        ("POST https://h/a/:id", "POST /a/{id}"),
        ("POST /a?x=1 HTTP/1.1", "POST /a"),
        ("publish /a/*", "PUBLISH /a/{id}"),
    ],
)
def test_a_request_is_written_as_it_was_meant(asked: str, meant: str) -> None:
    found = in_request(asked, ["PUT"])

    assert found is not None
    assert found.meant == meant


@pytest.mark.parametrize("asked", ["POST /a", "POST  /a/{id}", "PROPFIND /", "PUBLISH /service/{what}"])
def test_a_sound_request_is_taken(asked: str) -> None:
    assert in_request(asked, ()) is None


@pytest.mark.parametrize(
    ("general", "template", "yes"),
    [
        ("/a/{x}", "/a/{y}", True),
        ("/a/{x}", "/a/b", True),
        ("/a/b", "/a/{x}", False),
        ("/a/{x}", "/a/{x}/b", False),
        ("/a/{x}-b", "/a/{x}", False),
        ("/a/{x}", "/a/{x}-b", True),
        ("/{x}/{y}", "/a/{z}", True),
    ],
)
def test_a_template_covers_those_whose_paths_it_fits(general: str, template: str, *, yes: bool) -> None:
    assert covers(general, template) is yes


@given(st.text("/ab{}:*<>[]()?#% ü\\$^", max_size=20))
def test_any_text_is_a_template_or_becomes_one(text: str) -> None:
    assert in_template(text) is None or in_template(fixed(text)) is None
