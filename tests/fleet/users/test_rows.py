"""Each user takes values of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.drive.engine.plan import Hole
from recorder.errors import UsageError, ValuesError
from recorder.fleet.users.rows import read_rows, rows_of_csv
from recorder.requests.masks import BODY


def device(values) -> str | None:
    return values.value(Hole((BODY, "device"), 0, 1, "recorded", "device"), "s1")


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_each_row_of_a_csv_file_is_one_user_beside_the_values_of_all(tmp_path):
    common = written(tmp_path / "all.toml", '[keys]\ndevice = "any"\n[headers]\nX-Team = "red"\n')
    agents = written(tmp_path / "agents.csv", "\ufeffheaders.Authorization,device\nBearer a,dev-1\n\nBearer b,\n")

    rows = read_rows([common, agents], {})

    assert (rows.count, rows.where) == (2, str(agents))
    assert rows.values(0).headers("s1") == (("X-Team", "red"), ("Authorization", "Bearer a"))
    assert (device(rows.values(0)), device(rows.values(1))) == ("dev-1", "any")
    assert rows.shape(0) == rows.shape(1)


def test_rows_of_a_toml_file_have_logins_of_their_own(tmp_path):
    path = written(
        tmp_path / "agents.toml",
        '[login]\npath = "/login"\njson = { tenant = "t" }\n'
        '[[users]]\nlogin = { json = { user = "ann" } }\n[[users]]\nlogin = { json = { user = "bob" } }\n',
    )

    rows = read_rows([path], {})

    logins = [rows.values(number).login("s1") for number in (0, 1)]
    assert [one.body for one in logins if one] == [b'{"tenant": "t", "user": "ann"}', b'{"tenant": "t", "user": "bob"}']


def test_values_without_rows_are_made_anew_for_each_user(tmp_path):
    rows = read_rows([written(tmp_path / "all.toml", '[keys]\ndevice = "any"\n')], {"RECORDER_KEY_OTHER": "x"})

    assert (rows.count, rows.where, device(rows.values(7))) == (None, "", "any")
    assert rows.values(0) is not rows.values(0)


def test_a_quoted_name_of_a_column_may_have_dots():
    [(where, tables)] = rows_of_csv('"pseudonyms.""user.1""",client.s2.keys.handle\nann,7\n', "agents.csv")

    assert where == "agents.csv, line 2"
    assert tables == {"pseudonyms": {"user.1": "ann"}, "client": {"s2": {"keys": {"handle": "7"}}}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "agents.csv:1: columns: are missing"),
        ("device,device\na,b\n", "keys.device: is the name of two columns"),
        ("device\na,b\n", "agents.csv:2: row: has 2 cells, and there are 1 columns"),
        ("a b\nc\n", "a b: is no name of a value"),
        ("body.device\nc\n", "body.device: begins with none of client, cookies"),
        ('device\n"a\n', "CSV: "),
    ],
)
def test_a_mistake_in_a_csv_file_names_its_line_and_no_value(text, problem):
    with pytest.raises(ValuesError) as caught:
        rows_of_csv(text, "agents.csv")

    assert problem in str(caught.value)


def test_a_mistake_in_a_row_names_the_row(tmp_path):
    rows = read_rows([written(tmp_path / "agents.csv", 'headers.X-Key\nok\n"a\nb"\n')], {})

    rows.values(0)
    with pytest.raises(ValuesError, match=r"agents\.csv, line 4: .*control character"):
        rows.values(1)


def test_two_files_with_rows_are_refused(tmp_path):
    paths = [written(tmp_path / name, "device\na\n") for name in ("a.csv", "b.csv")]

    with pytest.raises(UsageError, match=r"both hold rows of users"):
        read_rows(paths, {})


@pytest.mark.parametrize("text", ["users = 3\n", "users = [1]\n"])
def test_users_are_tables(tmp_path, text):
    with pytest.raises(ValuesError, match=r"users: must be tables"):
        read_rows([written(tmp_path / "agents.toml", text)], {})


def test_a_mistake_in_a_file_without_rows_has_its_line(tmp_path):
    path = written(tmp_path / "all.toml", '[keys]\ndevice = "a"\n[kees]\n')

    with pytest.raises(ValuesError, match=r":3"):
        read_rows([path], {})


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "agents.csv"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ValuesError, match="is not UTF-8"):
        read_rows([path], {})
    with pytest.raises(UsageError, match="cannot be read"):
        read_rows([tmp_path / "none.csv"], {})
