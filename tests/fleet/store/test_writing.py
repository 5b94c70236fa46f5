"""A file at a URL is written whole or not at all, and never over another one unasked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from recorder.errors import OutputError, RecorderError, UsageError
from recorder.files import Remote
from recorder.fleet.store.places import RemotePath
from recorder.fleet.store.s3 import put_s3
from recorder.fleet.store.writing import put
from recorder.output import refuse, replacing
from tests.lab.line import Line
from tests.lab.s3 import s3

_PART = 5 << 20  # the least that S3 takes
LARGE = bytes(range(256)) * 24_000  # 6.1 MB


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with s3() as environment, Line(environment["AWS_ENDPOINT_URL"]) as line, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", line.url)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        yield line


@pytest.fixture
def here(tmp_path: Path) -> Path:
    path = tmp_path / "here"
    path.write_bytes(b"ours")
    return path


def at(name: str) -> Remote:
    return RemotePath(f"s3://team/{name}")


def stored(name: str) -> bytes:
    found: bytes = fsspec.filesystem("s3").cat_file(f"team/{name}")
    return found


def parts() -> list[str]:
    listed = fsspec.filesystem("s3").call_s3("list_multipart_uploads", Bucket="team")
    return [upload["Key"] for upload in listed.get("Uploads", [])]


@pytest.mark.usefixtures("line")
def test_a_file_is_there_when_the_block_ends() -> None:
    with replacing(at("a")) as file:
        file.write(b"whole")
        assert Path(file.name).exists()
        assert not at("a").exists()

    assert stored("a") == b"whole"


@pytest.mark.usefixtures("line")
def test_an_error_in_the_block_leaves_nothing() -> None:
    def broken() -> None:
        with replacing(at("b")) as file:
            file.write(b"a part")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()

    assert not at("b").exists()


@pytest.mark.usefixtures("line")
def test_an_existing_file_is_replaced_by_force_only() -> None:
    fsspec.filesystem("s3").pipe_file("team/c", b"old")

    with pytest.raises(UsageError, match=r"^s3://team/c: exists already; choose another name, or --force"):
        refuse(at("c"))
    with replacing(at("c"), force=True) as file:
        file.write(b"new")

    assert stored("c") == b"new"


@pytest.mark.usefixtures("line")
def test_of_two_writers_one_writes() -> None:
    begin, told = Barrier(2), []

    def write(content: bytes) -> None:
        try:
            with replacing(at("both")) as file:
                file.write(content)
                begin.wait(20)
        except RecorderError as exc:
            told.append(str(exc))
        else:
            told.append(content.decode())

    writers = [Thread(target=write, args=(name,)) for name in (b"one", b"two")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    lost = "s3://team/both: was made by another process meanwhile; choose another name, or --force"
    assert sorted(told) == sorted([stored("both").decode(), lost])


@pytest.mark.usefixtures("line")
def test_of_two_writers_of_many_parts_one_writes(tmp_path: Path) -> None:
    store, large = fsspec.filesystem("s3"), tmp_path / "large"
    large.write_bytes(LARGE)
    store.pipe_file("team/large", b"of another")

    with pytest.raises(FileExistsError):
        put_s3(store, large, "team/large", force=False, part=_PART)
    assert stored("large") == b"of another"
    assert parts() == []

    put_s3(store, large, "team/large", force=True, part=_PART)
    assert stored("large") == LARGE
    assert parts() == []


def test_an_answer_that_is_lost_is_no_failure(line: Line, here: Path) -> None:
    line.loses = "PUT /team/lost"

    put(here, at("lost"), wait=lambda _: None)

    assert stored("lost") == b"ours"
    assert line.loses == ""


def test_a_lost_answer_about_the_last_part_is_no_failure(line: Line, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(LARGE * 3)
    line.loses = r"POST /team/many\?uploadId"

    put(large, at("many"), wait=lambda _: None)

    assert stored("many") == LARGE * 3
    assert line.loses == ""
    assert parts() == []


def test_an_upload_that_is_interrupted_leaves_no_parts(tmp_path: Path, line: Line) -> None:
    large, store = tmp_path / "large", fsspec.filesystem("s3")
    large.write_bytes(LARGE)

    class Interrupted(type(store)):  # type: ignore[misc]  # the class is known when it is found
        def call_s3(self, method: str, *args: object, **given: object) -> object:
            if given.get("PartNumber") == 2:
                raise KeyboardInterrupt
            return store.call_s3(method, *args, **given)

    with pytest.raises(KeyboardInterrupt):
        put_s3(Interrupted(), large, "team/interrupted", force=False, part=_PART)

    assert parts() == []
    assert not at("interrupted").exists()
    assert any(asked.startswith("DELETE /team/interrupted") for asked in line.requests)


@pytest.mark.usefixtures("line")
def test_a_missing_bucket_and_a_folder_are_refused_before_any_work() -> None:
    fsspec.filesystem("s3").pipe_file("team/folder/a", b"")

    with pytest.raises(OutputError, match=r"^s3://nobody/a: cannot be written: there is no bucket nobody"):
        refuse(RemotePath("s3://nobody/a"))
    with pytest.raises(UsageError, match=r"^s3://team/folder: is a folder"):
        refuse(at("folder"))
    with pytest.raises(UsageError, match=r"^s3://team: names a folder"):
        refuse(RemotePath("s3://team"))


def test_nothing_is_written_to_the_web() -> None:
    with pytest.raises(UsageError, match=r"^https://…@host/a: is on the web, where files are only read"):
        refuse(RemotePath("https://me:secret@host/a"))


def test_the_input_of_a_command_is_no_output() -> None:
    with pytest.raises(UsageError, match="the command reads this file"):
        refuse(RemotePath("s3://team/a"), [RemotePath("s3://team/a")])


class Disk(LocalFileSystem):
    """A store that shows a file while it is written, and breaks in the middle."""

    protocol = "disk"
    breaks = False

    def put_file(self, lpath: str, rpath: str, **_: object) -> None:
        if self.breaks:
            Path(rpath).write_bytes(b"ha")
            raise ConnectionResetError
        shutil.copy(lpath, rpath)


def test_a_store_that_shows_parts_shows_none(tmp_path: Path, here: Path) -> None:
    fsspec.register_implementation("disk", Disk, clobber=True)
    target = RemotePath(f"disk://{tmp_path}/there")

    put(here, target)
    assert (tmp_path / "there").read_bytes() == b"ours"
    here.write_bytes(b"others")
    with pytest.raises(UsageError, match="was made by another process meanwhile"):
        put(here, target)
    Disk.breaks = True
    waited: list[float] = []
    with pytest.raises(OutputError, match=r"cannot be reached.*; nothing was changed"):
        put(here, target, force=True, wait=waited.append)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "there"]
    assert (tmp_path / "there").read_bytes() == b"ours"
    assert len(waited) == 3
