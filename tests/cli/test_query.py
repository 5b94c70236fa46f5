"""`recorder query`: what a user sees of answers, mistakes, and missing catalogues."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import duckdb
import pyarrow.parquet as pq
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from benchmarks.synthetic import HEADER, records
from recorder.cli import main
from recorder.fleet.catalogue.reading import Settings
from tests.cli.test_commands import PREVIEW
from tests.fleet.catalogue.tables import catalogue, written
from tests.lab.processes import RECORDER

ROOT = Path(__file__).parents[2]
LABS = ROOT / "tests/cassettes/labs"
LONG = "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("query") / "catalogue"
    catalogue(folder, LABS, ROOT / "cassettes")
    return folder


def asked(place: Path | str, *words: str | Path, **env: str) -> Result:
    return CliRunner(env=env).invoke(main, ["query", "--catalogue", str(place), *map(str, words)])


def told(place: Path | str, *words: str | Path) -> tuple[int, str]:
    """Return the exit code and the one line on stderr of a query that is refused."""
    found = asked(place, *words)
    assert found.stdout == ""
    assert found.stderr.count("\n") == 1
    return found.exit_code, found.stderr.removeprefix("recorder: ").rstrip()


# -- answers


def test_a_pipe_gets_aligned_text(place: Path) -> None:
    found = asked(
        place, "SELECT 'a' AS name, 1.5 AS ms, NULL AS none UNION ALL SELECT 'longer', 1234.56789, 'x' ORDER BY 1"
    )

    assert found.stdout == "name    ms        none\na       1.5       -\nlonger  1234.568  x\n"
    assert (found.exit_code, found.stderr) == (0, "")


def test_a_screen_gets_a_table_that_fits(place: Path) -> None:
    found = asked(place, "SELECT repeat('x', 200) AS long, 7 AS n", FORCE_COLOR="1", NO_COLOR="", COLUMNS="40")

    heading, row = found.stdout.splitlines()
    assert "\x1b[" in heading
    assert row.endswith("…  7")
    assert len(row) == 40


def test_a_screen_gets_a_block_for_each_row_if_the_columns_do_not_fit_beside_each_other(place: Path) -> None:
    sql = "SELECT range AS a, repeat('xxx ', 12) AS longer, 2 AS c, 3 AS d, 4 AS e, 5 AS f FROM range(2)"

    found = asked(place, sql, FORCE_COLOR="1", NO_COLOR="1", COLUMNS="40")

    first, second = found.stdout.split("\n\n")
    assert first.splitlines()[:4] == ["a       0", f"longer  {'xxx ' * 5}xxx", f"        {'xxx ' * 5}xxx", "c       2"]
    assert second.startswith("a       1\n")


def test_texts_do_not_steer_a_terminal(place: Path) -> None:
    found = asked(place, r"SELECT chr(27) || '[2J' AS x, 'a' || chr(10) || 'b' AS y")

    assert found.stdout == "x        y\n\\x1b[2J  a\\nb\n"


def test_csv_steers_no_terminal_either(place: Path) -> None:
    found = asked(place, "SELECT chr(27) || '[2J' AS x", "--csv", FORCE_COLOR="1")

    assert found.stdout == "x\n\\x1b[2J\n"


def test_json_is_a_list_of_objects(place: Path) -> None:
    found = asked(place, "SELECT 'nan'::DOUBLE AS x, TIMESTAMP '2026-01-02' AS time, [1, NULL] AS l", "--json")

    assert json.loads(found.stdout) == [{"x": "NaN", "time": "2026-01-02T00:00:00.000000Z", "l": [1, None]}]


def test_json_lines_are_a_row_each(place: Path) -> None:
    found = asked(place, "SELECT range AS n FROM range(3)", "--jsonl")

    assert found.stdout == '{"n": 0}\n{"n": 1}\n{"n": 2}\n'


def test_csv_can_be_read_back(place: Path) -> None:
    found = asked(
        place, """SELECT 'a,"b' AS "x,y", chr(10) AS z, NULL AS none UNION ALL SELECT 'ü', '', NULL""", "--csv"
    )

    assert list(csv.reader(io.StringIO(found.stdout, newline=""))) == [
        ["x,y", "z", "none"],
        ['a,"b', "\n", ""],
        ["ü", "", ""],
    ]


def test_parquet_has_the_types_of_the_answer(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    found = asked(place, "SELECT cassette, time, ids, ack_ms FROM triples ORDER BY time", "--parquet", out)

    table = pq.read_table(out)
    assert found.stderr == f"recorder: {out}: {table.num_rows} rows\n"
    assert [str(one) for one in table.schema.types] == ["string", "timestamp[us]", "list<element: string>", "double"]
    assert duckdb.execute(f"SELECT count(*) FROM '{out}'").fetchone() == (table.num_rows,)


@pytest.mark.parametrize("form", ["--json", "--jsonl", "--csv", "--limit=1"])
def test_a_file_gets_what_would_be_printed(place: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / "out"
    printed = asked(place, "SELECT 1 AS n", form).stdout

    found = asked(place, "SELECT 1 AS n", form, "-o", out)

    assert (out.read_text(encoding="utf-8"), found.stderr) == (printed, f"recorder: {out}: 1 row\n")


@pytest.mark.parametrize("option", ["--parquet", "-o"])
def test_a_file_that_exists_needs_force(place: Path, tmp_path: Path, option: str) -> None:
    out = tmp_path / "out"
    out.write_text("old", encoding="utf-8")

    assert told(place, "SELECT 1 AS n", option, out)[0] == 2
    assert out.read_text(encoding="utf-8") == "old"
    assert asked(place, "SELECT 1 AS n", option, out, "--force").exit_code == 0
    assert out.read_bytes() != b"old"


@pytest.mark.parametrize("option", ["--parquet", "-o"])
def test_a_query_that_fails_leaves_the_old_file(place: Path, tmp_path: Path, option: str) -> None:
    out = tmp_path / "out"
    out.write_text("old", encoding="utf-8")

    found = asked(place, "SELECT CAST(if(range = 3000, 'x', '1') AS INT) FROM range(5000)", option, out, "--force")

    assert found.exit_code == 2
    assert [(one.name, one.read_text(encoding="utf-8")) for one in tmp_path.iterdir()] == [("out", "old")]


@pytest.mark.parametrize("option", ["--parquet", "-o"])
def test_an_output_in_the_catalogue_is_refused(place: Path, option: str) -> None:
    live = next(place.rglob("*.parquet"))
    before = live.read_bytes()

    code, line = told(place, "SELECT 1 AS n", option, live, "--force")

    assert (code, line) == (2, f"{live}: is in the catalogue, which the command reads; choose another folder")
    assert live.read_bytes() == before


@pytest.mark.parametrize("option", ["--parquet", "-o"])
def test_what_comes_from_clear_text_is_for_its_owner_alone(tmp_path: Path, option: str) -> None:
    written(tmp_path / "clear.cassette", records(4, seed=1, agents=2), replace(HEADER, redaction="none"))
    for name, takes_clear, mode in (("redacted", False, 0o644), ("clear", True, 0o600)):
        catalogue(tmp_path / name, tmp_path / "clear.cassette", settings=Settings(takes_clear=takes_clear))
        asked(tmp_path / name, "SELECT 1 AS n", option, tmp_path / f"{name}.out")
        assert stat.S_IMODE((tmp_path / f"{name}.out").stat().st_mode) == mode


@pytest.mark.parametrize("form", ["--json", "--jsonl", "--csv", "--no-form"])
def test_limit_takes_the_first_rows(place: Path, form: str) -> None:
    forms = [] if form == "--no-form" else [form]

    found = asked(place, "SELECT range AS n FROM range(100000)", "--limit", "3", *forms)

    assert found.exit_code == 0
    assert "2" in found.stdout
    assert "3" not in found.stdout


def test_limit_holds_for_parquet(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    asked(place, "SELECT range AS n FROM range(100000)", "--limit", "3000", "--parquet", out)

    assert pq.read_table(out).num_rows == 3_000


@pytest.mark.parametrize(("form", "printed"), [("--json", "[]\n"), ("--jsonl", ""), ("--csv", "n,state\n")])
def test_no_row_is_exit_code_5(place: Path, form: str, printed: str) -> None:
    found = asked(place, "SELECT n, state FROM triples WHERE n < 0", form)

    assert (found.exit_code, found.stdout, found.stderr) == (5, printed, "recorder: the query found no rows\n")


def test_the_environment_may_name_the_catalogue(place: Path) -> None:
    with patch.dict(os.environ, RECORDER_CATALOGUE=str(place)):
        found = CliRunner().invoke(main, ["query", "contents"])

    assert found.exit_code == 0
    assert "RECORDER_CATALOGUE" in CliRunner().invoke(main, ["query", "--help"]).stdout


# -- shipped queries


def test_shipped_queries_are_listed_and_shown() -> None:
    listed = CliRunner().invoke(main, ["query", "--list"]).stdout
    shown = CliRunner().invoke(main, ["query", "--show", "holding"]).stdout

    assert "holding ID " in listed
    assert shown.startswith("-- Cassettes that hold an id")
    assert "$id" in shown


def test_a_shipped_query_takes_its_value(place: Path) -> None:
    with_ids = asked(place, "SELECT ids[1] AS id, cassette FROM triples WHERE len(ids) > 0 LIMIT 1", "--json")
    (wanted,) = json.loads(with_ids.stdout)

    found = json.loads(asked(place, "holding", wanted["id"], "--json").stdout)

    assert wanted["cassette"] in [row["cassette"] for row in found]


def test_the_names_of_shipped_queries_are_completed() -> None:
    complete = ShellComplete(main, {}, "recorder", "_RECORDER_COMPLETE")

    assert [one.value for one in complete.get_completions(["query"], "s")] == ["slowest"]
    assert [one.value for one in complete.get_completions(["query", "--show"], "h")] == ["holding"]


# -- mistakes


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["slwest"], "there is no shipped query 'slwest'; did you mean slowest?"),
        (["nothing-like-it"], "there is no shipped query 'nothing-like-it'; there are contents, coverage, "),
        (["holding"], "write recorder query holding ID; recorder query --show holding explains its values"),
        (["holding", "1", "2"], "write recorder query holding ID;"),
        (["select", "operation", "from", "triples"], 'quote the SQL as one word: recorder query "select …"'),
        (["WITH", "a", "AS"], 'quote the SQL as one word: recorder query "WITH …"'),
        (["SELECT 1", "FROM triples"], "'FROM triples' is too much: quote the SQL as one word"),
        ([], "give SQL, or the name of a shipped query: recorder query --list shows these"),
        ([""], "the SQL is empty"),
        (["SELECT opration FROM triples"], "SQL, line 1, at 'opration': "),
        (
            ["COPY triples TO 'x'"],
            "COPY is refused: a query reads the tables of the catalogue, and nothing else; --parq",
        ),
        (
            ["SELECT * FROM read_csv('/x')"],
            "a query reads the tables of the catalogue, and nothing else: Cannot access",
        ),
        (["SELECT 1 AS a, 2 AS a", "--json"], "two columns have the name 'a', and an object holds one; name them: "),
        (["SELECT 1", "--json", "--csv"], "--json, --jsonl, --csv and --parquet exclude each other"),
        (["SELECT 1", "--parquet", "a", "-o", "b"], "--parquet names the file to write; leave -o out"),
        (["SELECT 1", "--list"], "--list and --show take no query, and exclude each other"),
        (["--show", "slwest"], "there is no shipped query 'slwest'; did you mean slowest?"),
        (
            ["SELECT INTERVAL 1 DAY AS d", "--parquet", "never"],
            "Parquet has no type for d; cast it: CAST(… AS VARCHAR)",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(place: Path, words: list[str], text: str) -> None:
    code, line = told(place, *words)

    assert code == 2
    assert line.startswith(text)


def test_a_catalogue_that_is_not_named_is_a_mistake() -> None:
    with patch.dict(os.environ):
        os.environ.pop("RECORDER_CATALOGUE", None)
        found = CliRunner().invoke(main, ["query", "slowest"])

    assert found.exit_code == 2
    assert found.stderr == ("recorder: --catalogue is missing: give the folder or URL, or set RECORDER_CATALOGUE\n")


def test_no_catalogue_is_a_mistake_with_the_command_that_makes_one(tmp_path: Path) -> None:
    assert told(tmp_path, "slowest") == (
        2, f"{tmp_path}: holds no catalogue; recorder catalogue build 'FOLDER/**' -o {tmp_path} makes one",
    )  # fmt: skip


def test_a_missing_library_is_told(place: Path) -> None:
    with patch.dict(sys.modules, duckdb=None):
        sys.modules.pop("recorder.fleet.query.database", None)
        sys.modules.pop("recorder.fleet.query.asking", None)
        code, line = told(place, "slowest")

    assert (code, line) == (2, "recorder query needs duckdb: pip install 'outbound-recorder[catalogue]'")


# -- processes


def test_ctrl_c_ends_a_long_query(place: Path) -> None:
    command = [RECORDER, "query", "--catalogue", str(place), f"{LONG} -- {os.getpid()}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_until_it_computes(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert (process.returncode, out, err) == (130, "", "recorder: interrupted\n")


def wait_until_it_computes(process: subprocess.Popen[str]) -> None:
    """Wait until a process has used more seconds of CPU than its start takes."""
    ticks = os.sysconf("SC_CLK_TCK")
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        if int(fields[11]) + int(fields[12]) > 1.5 * ticks:
            return
        time.sleep(0.05)
    raise AssertionError(f"the query did not begin: exit code {process.poll()}")


@pytest.mark.once
@pytest.mark.parametrize("words", ["query --list", "query --show slowest", f"ls {PREVIEW}"])
def test_duckdb_and_arrow_are_loaded_by_queries_only(words: str) -> None:
    program = (
        "import sys; from recorder.cli import main; main(sys.argv[1:], standalone_mode=False);"
        "print(sorted({'duckdb', 'pyarrow', 'fsspec', 'rich', 'numpy'} & set(sys.modules)))"
    )
    argv = [sys.executable, "-c", program, *words.split()]
    result = subprocess.run(argv, capture_output=True, text=True, check=True)

    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.once
def test_a_query_loads_nothing_that_reads_cassettes(place: Path) -> None:
    program = (
        "import sys; from recorder.cli import main; main(sys.argv[1:], standalone_mode=False);"
        "print(sorted({'pyarrow', 'numpy', 'rich', 'recorder.library', 'recorder.correlate'} & set(sys.modules)))"
    )
    argv = [sys.executable, "-c", program, "query", "--catalogue", str(place), "contents"]
    result = subprocess.run(argv, capture_output=True, text=True, check=True)

    assert result.stdout.splitlines()[-1] == "[]"
