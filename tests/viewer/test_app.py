"""What the viewer answers: pages, scripts, data; each answer keeps the browser from doing anything else with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recorder.errors import CassetteError
from recorder.viewer import answers
from recorder.viewer.answers import POLICY
from recorder.viewer.cassette_list import CassetteList
from tests.viewer.asking import CASSETTES, PREVIEW, TOKEN, asked, unpacked, viewing

PAGES = ["", "c/1/"]


@pytest.mark.parametrize("path", [*PAGES, "page.css", "api/list", "c/1/api/rows", "nothing", "c/9/"])
def test_an_answer_may_not_be_kept_framed_or_told(path: str) -> None:
    headers = dict(viewing(PREVIEW).whole(path).headers)

    assert headers["Content-Security-Policy"] == f"{POLICY}; frame-ancestors 'none'"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not any("access-control" in name.lower() for name in headers)


def test_the_policy_allows_nothing_inline_and_nobody_else() -> None:
    assert POLICY.startswith("default-src 'none'; ")
    assert re.search(r"unsafe|http|\*", POLICY) is None


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_script_and_no_style_in_itself_and_no_token(path: str) -> None:
    page = viewing(PREVIEW).whole(path)
    html = page.body.decode()

    assert (page.status, dict(page.headers)["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert re.findall(r"<script(?! src=)", html) == []
    assert re.findall(r'href="(?!\.\./|(?:page|view)\.css)([^"]*)"', html) == ["data:,"]
    assert re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html) is None
    assert TOKEN not in html


@pytest.mark.parametrize("path", PAGES)
def test_the_script_and_the_style_of_a_page_are_there(path: str) -> None:
    viewer = viewing(PREVIEW)

    sources = re.findall(r'(?:href|src)="([^"]+)"', viewer.whole(path).body.decode())

    assert {source.rpartition("/")[2] for source in sources} - {"data:,"} == {"view.js", "page.css", "view.css"}
    for source in [one for one in sources if not one.startswith("data:")]:
        assert source.startswith("../" * path.count("/"))
        assert viewer.whole(source.removeprefix("../" * path.count("/"))).status == 200


def test_the_name_of_a_file_is_text(tmp_path: Path) -> None:
    path = tmp_path / "<script>alert(1);x.cassette"
    path.symlink_to(PREVIEW)

    html = viewing(path).whole("c/1/").body.decode()

    assert "<script>alert" not in html
    assert "<title>&lt;script&gt;alert(1)" in html


def test_an_address_without_its_last_slash_leads_to_it() -> None:
    found = asked(viewing(PREVIEW).app, f"/{TOKEN}")

    assert (found.status, dict(found.headers)["Location"], found.body) == (308, f"/{TOKEN}/", b"")


@pytest.mark.parametrize(
    "path",
    ["c/", "c/0/", "c/2/", "c/-1/", "c/1", "c/1/x", "c/1/api/", "c/1/api/nothing", "c/1/api/rows/", "c/x/", "c/\u0661/",
     "c/" + "1" * 5000 + "/", "diff/1/2/", "live/", "live/api/rows", "api/", "..", "../x", "c/1/../../page.css",
     "page.js", "template.html", "c/1/api/../../../page.css", "%2e%2e/%2e%2e/etc/passwd", "c/1/view.js",
     f"{PREVIEW}", "//", "\0"],
)  # fmt: skip
def test_what_is_no_address_of_the_viewer_is_not_there(path: str) -> None:
    found = viewing(PREVIEW).whole(path)

    assert found.status == 404
    assert b"root:" not in found.body


def test_a_cassette_that_cannot_be_read_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "none.cassette"
    path.write_bytes(b"this is no cassette")

    found = viewing(path).whole("c/1/api/rows")

    assert found.status == 422
    assert b"not a cassette" in found.body


def test_a_fault_of_the_viewer_is_told_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = viewing(PREVIEW)
    monkeypatch.setattr(CassetteList, "listed", lambda _: 1 / 0)

    found = viewer.whole("api/list?secret=1")

    assert (found.status, found.body) == (500, b'{"error":"the viewer failed: ZeroDivisionError"}')
    assert viewer.told == ["GET api/list: ZeroDivisionError('division by zero')"]
    assert viewer.whole("").status == 200


def test_an_error_of_the_recorder_is_told_to_the_page_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: CassetteList) -> None:
        raise CassetteError("a.cassette", "is damaged")

    viewer = viewing(PREVIEW)
    monkeypatch.setattr(CassetteList, "listed", fails)

    assert viewer.whole("api/list").body == b'{"error":"a.cassette: is damaged"}'
    assert viewer.told == []


def test_a_long_answer_is_compressed_for_who_takes_it() -> None:
    viewer = viewing(PREVIEW)
    plain = viewer.whole("page.css")
    packed = viewer.whole("page.css", accept_encoding="br;q=1, GZIP;q=0.5")

    assert len(packed.body) < len(plain.body) / 2
    assert unpacked(packed) == plain.body
    assert ("Vary", "Accept-Encoding") in packed.headers
    assert viewer.whole("page.css", accept_encoding="br, gzip;q=0").body == plain.body


def test_nothing_is_posted_to_a_cassette() -> None:
    viewer = viewing(PREVIEW)

    for path in ("", "c/1/", "c/1/api/rows", "api/list"):
        found = viewer.whole(path, "POST", b"{}", origin="http://127.0.0.1:4711", content_type="application/json")
        assert found.status == 405


def test_a_query_of_too_many_fields_is_refused() -> None:
    assert viewing(PREVIEW).whole("api/list?" + "a=1&" * 99).status == 400


def test_a_folder_is_listed_by_what_is_in_it_now(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b.cassette").write_bytes(PREVIEW.read_bytes())
    viewer = viewing(folders=(tmp_path,))
    before = [row["name"] for row in viewer.json("api/list")["cassettes"]]
    (tmp_path / "a.cassette").write_bytes(PREVIEW.read_bytes())

    rows = viewer.json("api/list")["cassettes"]

    assert before == ["below/b.cassette"]
    assert [(row["k"], row["name"]) for row in rows] == [(1, "below/b.cassette"), (2, "a.cassette")]
    assert viewer.whole("c/2/api/rows").status == 200


def test_no_link_leads_out_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out.cassette").symlink_to(PREVIEW)
    (tmp_path / "in.cassette").symlink_to(tmp_path / "real.cassette")
    (tmp_path / "real.cassette").write_bytes(PREVIEW.read_bytes())
    (tmp_path / "folder").symlink_to(CASSETTES)
    viewer = viewing(folders=(tmp_path,))

    rows = {row["name"]: row["k"] for row in viewer.json("api/list")["cassettes"]}

    assert sorted(rows) == ["in.cassette", "out.cassette", "real.cassette"]
    assert viewer.whole(f"c/{rows['in.cassette']}/api/rows").status == 200
    found = viewer.whole(f"c/{rows['out.cassette']}/api/rows")
    assert (found.status, b"leads out of the folder" in found.body) == (422, True)


def test_rows_with_a_lone_surrogate_are_json_all_the_same() -> None:
    rows = {"texts": ["a", "ü", 1, None, [0.5]]}

    assert answers.quick_bytes(rows) == answers.as_bytes(rows)
    assert answers.quick_bytes(rows | {"name": "\ud800"}) == answers.as_bytes(rows | {"name": "\ud800"})
