"""Each command that takes a cassette takes a URL, and each that writes one writes to a URL."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from pathlib import Path
from threading import Thread
from urllib.request import urlopen

import fsspec
import pytest
from click.testing import CliRunner

from benchmarks.synthetic import HEADER, records
from recorder import Cassette, StandIn
from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import open_cassette, read
from recorder.cli import main
from recorder.cli.guide.commands import NAMES
from recorder.fleet.store.places import place
from recorder.library.sealing import seal
from tests.lab.line import Line
from tests.lab.processes import RECORDER, recorder, serving
from tests.lab.s3 import s3

ROOT = Path(__file__).parents[2]
PREVIEW, CALL = ROOT / "cassettes/preview-session.cassette", ROOT / "cassettes/get-chained-record.cassette"

# command line → exit code, and the file that it writes
READS = {
    "convert s3://team/in --to mermaid": 0,
    "dialect show s3://team/in": 0,
    "dialect suggest s3://team/in --yes": 0,
    "diff s3://team/in s3://team/deep/two.cassette": 1,
    "doctor s3://team/in": 0,
    "doctor s3://team/sealed": 0,
    "drive s3://team/in --dry-run": 0,
    "edit s3://team/in --to -": 0,
    "explain s3://team/in 1": 0,
    "grep Campaign1 s3://team/in s3://team/deep/**": 0,
    "load s3://team/in s3://team/deep/two.cassette --dry-run": 0,
    "ls s3://team/in": 0,
    "ls s3://team/deep/**": 0,
    "ls s3://team/in.part": 0,
    "policy show s3://team/in": 0,
    "redact s3://team/in --dry-run": 0,
    "scan s3://team/in --jobs 2": 0,
    "show s3://team/sealed 1": 0,
    "stats s3://team/sealed s3://team/in --jobs 2": 0,
    "tail s3://team/in": 2,
    "textconv s3://team/in": 0,
    "timeline s3://team/in": 0,
    "verify s3://team/in --to http://127.0.0.1:9 --dry-run": 0,
}
WRITES = {
    "ca -o OUT --ca-dir ca",
    "convert s3://team/in --to har -o OUT",
    "demo --sample -o OUT",
    "dialect suggest s3://team/in -o OUT --yes",
    "diff s3://team/in s3://team/deep/two.cassette --html OUT",
    "edit s3://team/in --to OUT",
    "edit --from s3://team/text -o OUT",
    "import s3://team/har -o OUT",
    "merge s3://team/in s3://team/deep/two.cassette -o OUT",
    "migrate s3://team/old -o OUT",
    "recorrelate s3://team/in --dialect gws-outbound -o OUT",
    "recover s3://team/in -o OUT",
    "redact s3://team/in -o OUT",
    "report s3://team/in s3://team/deep/two.cassette -o OUT",
    "seal s3://team/in -o OUT",
    "seal s3://team/in --archive -o OUT",
    "slice s3://team/in --triples 1-2 -o OUT",
}
SERVES = {"explore", "record", "replay", "view"}  # each is tested below
OTHERS = {
    "addon": "prints a path",
    "completion": "prints a script",
    "help": "prints a help",
    "query": "reads a catalogue",
}


@pytest.fixture(scope="module")
def store() -> Iterator[dict[str, str]]:
    with s3() as environment:
        there = fsspec.filesystem("s3")
        for name in ("in", "in.part"):
            there.put_file(str(PREVIEW), f"team/{name}")
        there.put_file(str(CALL), "team/deep/two.cassette")
        there.put_file(str(ROOT / "tests/vectors/v1/records.cassette"), "team/old")
        there.pipe_file("team/deep/notes.txt", b"no cassette")
        for line in (
            "seal s3://team/in -o s3://team/sealed",
            "edit s3://team/in --to s3://team/text",
            "convert s3://team/in --to har -o s3://team/har",
        ):
            assert run(line).code == 0
        yield environment


@dataclass
class Told:
    """What a command printed and returned."""

    code: int
    out: str
    err: str


def run(line: str) -> Told:
    told = CliRunner().invoke(main, shlex.split(line), prog_name="recorder")
    assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
    assert "Traceback" not in told.stderr
    return Told(told.exit_code, told.stdout, told.stderr)


def exists(url: str) -> bool:
    found: bool = fsspec.filesystem("s3").exists(url)
    return found


def test_all_commands_are_tried() -> None:
    tried = {line.split()[0] for line in (*READS, *WRITES)} | SERVES | OTHERS.keys()

    assert [name for name in NAMES if name not in tried and run(f"{name} --help").out.count("FILE")] == []


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("line", READS)
def test_a_command_reads_a_url(line: str) -> None:
    told = run(line)

    assert told.code == READS[line], told.err
    assert told.out or told.err
    assert "s3:/team" not in told.out + told.err


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("line", sorted(WRITES))
def test_a_command_writes_to_a_url(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target = f"s3://team/out/{sorted(WRITES).index(line)}"
    first = run(line.replace("OUT", target))
    again = run(line.replace("OUT", target))

    assert first.code == (1 if line.startswith("diff") else 0), first.err
    assert exists(target)
    assert (again.code, again.err.rpartition("recorder: ")[2]) == (
        2,
        f"{target}: exists already; choose another name, or --force to overwrite it\n",
    )
    assert {path.name for path in tmp_path.iterdir()} <= {"ca"}


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("line", ["seal s3://team/place", "recorrelate s3://team/place --dialect gws-outbound"])
def test_a_command_replaces_a_file_at_a_url(line: str, tmp_path: Path) -> None:
    fsspec.filesystem("s3").put_file(str(PREVIEW), "team/place")
    seal(PREVIEW, tmp_path / "sealed")

    assert run(line).code == 0
    assert place("s3://team/place").read_bytes() == (tmp_path / "sealed").read_bytes()


@pytest.mark.usefixtures("store")
def test_the_figures_are_those_of_the_file(tmp_path: Path) -> None:
    there, here = run("stats s3://team/in --json"), run(f"stats {PREVIEW} --json")
    listed, local = run("ls s3://team/in --json"), run(f"ls {PREVIEW} --json")

    assert json.loads(there.out) == json.loads(here.out)
    assert json.loads(listed.out) == json.loads(local.out)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("ls s3://team/none", 2, "s3://team/none does not exist."),
        ("ls s3://none/none", 2, "s3://none/none does not exist."),
        ("ls s3://team/none/*", 2, "no file fits s3://team/none/*."),
        ("show s3://team/*/two.cassette 1", 2, "does not exist; one file is wanted here, and no pattern."),
        ("ls s3://team/deep", 4, "s3://team/deep: is a folder; /** behind it finds the cassettes in it"),
        ("ls s3://team/deep/notes.txt", 4, "s3://team/deep/notes.txt: not a cassette"),
        ("ls nope://a", 2, "nope://a: cannot be opened: Protocol not known: nope"),
        ("ls https://me:secret@127.0.0.1:1/a?sig=secret", 4, "https://…@127.0.0.1:1/a?…: the store cannot be reached"),
        ("ls s3://team/in --dialect s3://team/a.toml", 2, "s3://team/a.toml is a URL; name a file on this machine"),
        ("dialect check s3://team/in", 2, "s3://team/in is a URL; name a file on this machine"),
        ("seal s3://team/in -o https://host/a?sig=secret", 2, "https://host/a?…: is on the web"),
        ("record http://127.0.0.1:9 -o +s3://team/in", 2, "s3://team/in: nothing can be added to a file at a URL"),
        ("tail s3://team/in", 2, "s3://team/in: is at a URL, where no recorder writes bit by bit"),
    ],
)
def test_a_mistake_is_told_in_one_line(line: str, code: int, text: str) -> None:
    told = run(line)

    assert told.code == code
    assert text in told.err
    assert told.err.count("\n") == 1
    assert "secret" not in told.err


@pytest.mark.usefixtures("store")
def test_a_store_that_denies_is_told_in_one_line() -> None:
    class Denying(type(fsspec.filesystem("s3"))):  # type: ignore[misc]  # the class is known when it is found
        protocol = "denying"

        async def _info(self, *_: object, **__: object) -> object:
            raise PermissionError("Forbidden")

    fsspec.register_implementation("denying", Denying, clobber=True)
    told = run("ls denying://team/in")

    assert told.code == 4
    assert told.err == (
        "recorder: denying://team/in: access denied (Forbidden); check the credentials for this store\n"
    )


def test_one_triple_of_a_large_cassette_is_a_small_part_of_it(store: dict[str, str], tmp_path: Path) -> None:
    frames = chain([encode_header(HEADER)], map(encode, records(1500)))
    (tmp_path / "journal").write_bytes(b"".join(frames))
    for name, is_archive in (("sealed", False), ("archive", True)):
        seal(tmp_path / "journal", tmp_path / name, archive=is_archive)
        fsspec.filesystem("s3").put_file(str(tmp_path / name), f"team/large/{name}")
    with Line(store["AWS_ENDPOINT_URL"]) as line, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", line.url)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        shown = [run(f"show s3://team/large/{name} 777") for name in ("sealed", "archive")]
    fsspec.get_filesystem_class("s3").clear_instance_cache()

    assert [told.code for told in shown] == [0, 0]
    assert shown[0].out == shown[1].out == run(f"show {tmp_path / 'sealed'} 777").out
    # the end of the index, and each of its pages on the way, are some ten KB: little more of 200 MB than of 5
    assert line.received < 1_000_000


class _Upstream(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


def recorded(environment: dict[str, str], program: str, *options: str) -> subprocess.CompletedProcess[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Upstream) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        words = [RECORDER, "record", url, *options, "--", sys.executable, "-c", program]
        done = subprocess.run(
            words, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
        )
        server.shutdown()
    return done


_ASK = "import os, urllib.request; urllib.request.urlopen(os.environ['RECORDER_URL'] + '/a').read()"


def test_a_recording_is_sealed_and_put_at_a_url(store: dict[str, str]) -> None:
    done = recorded(store, _ASK, "-o", "s3://team/day/a.cassette", "--seal")

    assert done.returncode == 0, done.stderr
    assert "s3://team/day/a.cassette: is there, whole" in done.stderr
    with open_cassette(place("s3://team/day/a.cassette")) as cassette:
        assert cassette.is_sealed
        assert sum(1 for _ in cassette.records()) >= 3
    kept = done.stderr.partition("is recorded in ")[2].partition(", and put")[0]
    assert kept.endswith("/a.cassette")
    assert not Path(kept).parent.exists()


def test_a_recording_that_cannot_be_put_is_kept_here(store: dict[str, str]) -> None:
    other = "import fsspec; fsspec.filesystem('s3').pipe_file('team/day/b.cassette', b'of another')"

    done = recorded(store, f"{_ASK}; {other}", "-o", "s3://team/day/b.cassette")

    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 4
    assert "was made by another process meanwhile" in last
    kept = Path(last.partition("the recording is kept in ")[2].partition(";")[0])
    assert len(read(kept).records) >= 3
    words = shlex.split(last.partition("to put it there: ")[2])
    assert run(shlex.join([*words[1:-1], "s3://team/day/c.cassette"])).code == 0
    kept.unlink()
    kept.parent.rmdir()


def test_a_cassette_at_a_url_is_replayed(store: dict[str, str]) -> None:
    with recorder("replay", "s3://team/sealed", env=os.environ | store) as server:
        assert server.url.startswith("http://")
    assert server.code == 0, server.stderr


def test_a_cassette_at_a_url_is_explored_and_its_schedule_needs_a_folder(store: dict[str, str], tmp_path: Path) -> None:
    command = [RECORDER, "explore", "s3://team/in", "--schedules", "1"]
    program = ["--", sys.executable, "-c", "raise SystemExit(1)"]

    nowhere, there = (
        subprocess.run([*command, *more, *program], capture_output=True, text=True, check=False, env=os.environ | store)
        for more in ([], ["-o", str(tmp_path)])
    )

    assert nowhere.returncode == 2
    assert "name a folder: -o DIR" in nowhere.stderr
    assert there.returncode == 1
    assert "recorded order" in there.stdout


def test_a_folder_at_a_url_is_viewed(store: dict[str, str]) -> None:
    words = [RECORDER, "view", "s3://team/deep", "--no-open"]
    with serving(words, ready="viewing at ", env=os.environ | store) as server:
        with urlopen(f"{server.url.replace('localhost', '127.0.0.1')}") as page:
            assert page.status == 200
        process = server.url
    assert process
    assert "Traceback" not in server.stderr


@pytest.mark.usefixtures("store")
def test_the_api_takes_urls() -> None:
    with Cassette("s3://team/sealed") as cassette:
        assert str(cassette.path) == "s3://team/sealed"
        assert len(list(cassette.triples())) == 6
    with StandIn("s3://team/in") as standin:
        assert standin.url.startswith("http://")


@pytest.mark.usefixtures("store")
def test_the_page_says_what_is_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/store.md").read_text()
    for line in re.findall(r"^\$ recorder (.*)$", page, re.MULTILINE):
        told = run(line)
        assert told.code == 0, (line, told.err)
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(program, "docs/store.md", "exec"), {})


def test_no_command_loads_fsspec_without_a_url(tmp_path: Path) -> None:
    program = (
        "import sys; from recorder.cli import main\n"
        f"try: main(['seal', {str(PREVIEW)!r}, '-o', {str(tmp_path / 'out')!r}])\n"
        "except SystemExit: pass\n"
        "import recorder.pytest_plugin, recorder.api.drive, recorder.api.standin, recorder.api.recorder\n"
        "print(sorted({'fsspec', 's3fs', 'pyarrow', 'duckdb', 'gevent', 'locust'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
