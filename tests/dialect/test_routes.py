"""Paths with named parts."""

from __future__ import annotations

import re

import pytest

from recorder.dialect.routes import route


def test_a_route_names_parts_of_a_path() -> None:
    found = route("/records/{handle}/of/{list}").fullmatch("/records/7/of/a%20b")

    assert found is not None
    assert found.groupdict() == {"handle": "7", "list": "a%20b"}


@pytest.mark.parametrize("path", ["/records", "/records/", "/records/7/8", "/x/records/7"])
def test_a_route_fits_whole_paths(path: str) -> None:
    assert route("/records/{handle}").fullmatch(path) is None


def test_what_else_is_in_a_template_stands_for_itself() -> None:
    assert route("/a.b+{c}").fullmatch("/aXb+1") is None


def test_a_name_may_not_stand_twice() -> None:
    with pytest.raises(re.error):
        route("/{a}/{a}")
