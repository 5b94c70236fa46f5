"""The file system of a URL is found, or it is said what is missing."""

from __future__ import annotations

import pytest

from recorder.errors import InputError, RecorderError, UsageError
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


@pytest.mark.parametrize(
    "url",
    ["nope://user:hunter2@h/a", "az://c/a?sig=hunter2", "zip://a::https://user:hunter2@127.0.0.1:1/b.zip?x=hunter2"],
)
def test_a_url_that_cannot_be_opened_is_told_without_its_secrets(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_CONNECTION_STRING"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(RecorderError) as caught:
        filesystem_of(url)

    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_library_that_asks_its_server_at_once_is_told_as_any_other() -> None:
    with pytest.raises(InputError, match=r"^ftp://…@127.0.0.1:1/a: cannot be opened: the store cannot be reached"):
        filesystem_of("ftp://user:hunter2@127.0.0.1:1/a")
