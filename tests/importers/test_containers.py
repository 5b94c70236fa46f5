"""Archives that are compressed, in a ZIP, or have their bodies in files beside them."""

from __future__ import annotations

import gzip
import json
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from recorder.errors import CassetteError
from recorder.importers import containers
from recorder.importers.containers import Container
from recorder.importers.har import read_har
from recorder.importers.spool import Spool
from recorder.model import Response
from tests.importers.session import SESSION, archive, entry, imported, session

HAR = json.dumps(archive(session())).encode()


def zipped(**files: bytes) -> bytes:
    there = BytesIO()
    with zipfile.ZipFile(there, "w", zipfile.ZIP_DEFLATED) as archive_file:
        for name, data in files.items():
            archive_file.writestr(name.replace("_", "."), data)
    return there.getvalue()


PACKED: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: gzip.compress(HAR),
    "gzip in two members": lambda: gzip.compress(HAR[:500]) + gzip.compress(HAR[500:]),
    "gzip with padding": lambda: gzip.compress(HAR) + b"\0" * 20,
    "zlib, as mitmproxy's zhar": lambda: zlib.compress(HAR, 9),
    "zlib, quickly": lambda: zlib.compress(HAR, 1),
    "a ZIP": lambda: zipped(har_har=HAR),
    "a ZIP with another name": lambda: zipped(session_har=HAR, readme_txt=b"x"),
    "a ZIP of macOS": lambda: of_macos("session.har"),
    "gzip in a ZIP": lambda: zipped(session_har_gz=gzip.compress(HAR)),
    "a ZIP in gzip": lambda: gzip.compress(zipped(har_har=HAR)),
    "UTF-16 in gzip": lambda: gzip.compress(HAR.decode().encode("utf-16")),
}


def of_macos(name: str) -> bytes:
    """A ZIP as the Finder makes it: beside each file one of the same suffix with its attributes (AppleDouble)."""
    there = BytesIO()
    with zipfile.ZipFile(there, "w") as archive_file:
        archive_file.writestr(name, HAR)
        archive_file.writestr(f"__MACOSX/._{name}", b"\0\x05\x16\x07\0\x02\0\0Mac OS X")
    return there.getvalue()


@pytest.mark.parametrize("name", PACKED)
def test_the_content_tells_what_an_archive_is(name: str) -> None:
    assert imported(PACKED[name]()).exchanges == len(SESSION)


def test_a_compressed_archive_that_is_cut_off_is_read_up_to_the_cut() -> None:
    result = imported(gzip.compress(HAR)[:-300])

    assert 0 < result.exchanges < len(SESSION)
    assert result.losses.left_out == {"rest-of-file": 1}


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (lambda: zipped(a_har=HAR, b_har=HAR), "holds 2 archives"),
        (lambda: zipped(readme_txt=b"x"), "holds no HAR"),
        (lambda: zipped(har_har=HAR)[:-30], "cannot be read"),
        (lambda: gzip.compress(HAR)[:200] + b"garbage" * 99, "cannot be read"),
        (lambda: gzip.compress(gzip.compress(gzip.compress(gzip.compress(HAR)))), "is not a HAR"),
    ],
)
def test_what_cannot_be_unpacked_is_refused_in_a_line(data: Callable[[], bytes], problem: str) -> None:
    with pytest.raises(CassetteError, match=problem) as told:
        imported(data())
    assert "\n" not in str(told.value)


def attached(name: Any) -> bytes:
    one = entry(SESSION[3])
    one["response"]["content"] = {"size": 9, "_file": name}
    return json.dumps(archive([one])).encode()


def answer(container: Container) -> tuple[bytes, dict[str, int]]:
    found = read_har(container, Spool())
    (body,) = (part.body for part in found.parts if isinstance(part, Response))
    return body, found.losses.left_out


def test_a_body_in_a_file_beside_the_archive_is_read(tmp_path: Path) -> None:
    (tmp_path / "s.har").write_bytes(attached("b.json"))
    (tmp_path / "b.json").write_bytes(b"\x00body")

    assert answer(Container.of(tmp_path / "s.har")) == (b"\x00body", {})


def test_a_body_in_the_same_folder_of_a_zip_is_read() -> None:
    there = BytesIO()
    with zipfile.ZipFile(there, "w") as archive_file:
        archive_file.writestr("trace/har.har", attached("b.json"))
        archive_file.writestr("trace/b.json", b"body")

    assert answer(Container.of_bytes(there.getvalue(), "f")) == (b"body", {})


@pytest.mark.parametrize(
    "name",
    [
        "gone",
        "../secret",
        "a/../../secret",
        "/etc/hostname",
        "",
        ".",
        "..",
        "folder",
        "link",
        "x\0y",
        "\ud800",
        "..\\secret",
        7,
        ["a"],
    ],
)
def test_an_archive_does_not_choose_which_files_are_read(name: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    folder = tmp_path / "inner"
    (folder / "folder").mkdir(parents=True)
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "s.har").write_bytes(attached(name))

    assert answer(Container.of(folder / "s.har")) == (b"", {"no-body-file": 1})


def test_a_file_that_is_too_large_for_a_body_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "LARGEST_BODY", 10)
    (tmp_path / "s.har").write_bytes(attached("b"))
    (tmp_path / "b").write_bytes(b"x" * 11)

    assert answer(Container.of(tmp_path / "s.har")) == (b"", {"no-body-file": 1})
