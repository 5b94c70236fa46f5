"""The file system of a URL is found, or it is said what is missing."""

from __future__ import annotations

import pytest

from recorder.errors import UsageError
from recorder.fleet.store.filesystem import filesystem_of, is_url
from tests.lab.s3 import BUCKET, s3


@pytest.mark.parametrize(
    ("text", "expected"),
    [("s3://team/a.cassette", True), ("memory://a", True), ("a.cassette", False), ("://a", False), ("C:\\a", False)],
)
def test_a_url_is_told_from_the_name_of_a_file(text: str, expected: bool) -> None:
    assert is_url(text) == expected


def test_what_is_written_to_s3_is_read_from_there() -> None:
    with s3():
        there, path = filesystem_of(f"s3://{BUCKET}/a/b.cassette")
        there.pipe_file(path, b"bytes")

        assert there.cat_file(path, start=1, end=3) == b"yt"


def test_an_unknown_scheme_is_named() -> None:
    with pytest.raises(UsageError, match=r"nope://a: cannot be opened: Protocol not known: nope"):
        filesystem_of("nope://a")
