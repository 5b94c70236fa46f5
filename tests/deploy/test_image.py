"""The image: its Dockerfile is linted, and its steps are run in roots of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.balancers import ROOT, free_port
from tests.deploy.image import Stage, build, first_process, inside, instructions, run
from tests.lab.processes import until

DOCKERFILE = ROOT / "Dockerfile"
STEPS = instructions(DOCKERFILE.read_text())
fresh_root = pytest.mark.fresh_root
once = pytest.mark.once


def test_the_linter_finds_nothing() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), DOCKERFILE], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_lines_that_go_on_are_one_instruction() -> None:
    (one, other) = instructions('# no\nRUN a \\\n    && b\n\nCMD ["x", "y z"]\n')

    assert (one.name, one.rest) == ("RUN", "a && b")
    assert other.words == ["x", "y z"]


def test_the_last_stage_has_a_user_with_a_number_and_programs_that_get_signals() -> None:
    names = [one.name for one in STEPS]
    last = {one.name: one for one in STEPS[len(names) - names[::-1].index("FROM") :]}

    assert last["USER"].rest == "10001:10001"
    assert all(last[name].rest.startswith("[") for name in ("ENTRYPOINT", "CMD"))
    assert last["STOPSIGNAL"].rest == "SIGTERM"
    assert "curl" not in last["HEALTHCHECK"].rest


def test_the_port_is_one_everywhere() -> None:
    said = {one.name: one.rest for one in STEPS}

    assert said["EXPOSE"] == "8090"
    assert ":8090/__recorder/health" in said["HEALTHCHECK"]
    assert '"0.0.0.0:8090"' in said["CMD"]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    # without `store`: what reads URLs is not all installed here
    return build(DOCKERFILE, ROOT, tmp_path_factory.mktemp("image"), EXTRAS="archive")


@once
@fresh_root
def test_the_wheel_is_installed_in_an_environment_of_its_own(image: Stage) -> None:
    done = run(image, ["recorder", "--version"], read_only=True)

    assert (done.returncode, done.stderr) == (0, "")
    assert list(image.root.glob("opt/recorder/lib/*/site-packages/recorder/__init__.py"))
    assert not (image.root / "src").exists()


@once
@fresh_root
def test_nothing_but_temporary_files_can_be_written(image: Stage) -> None:
    code = "import os, sys; print(os.getuid(), os.getgid(), os.getpid() in (1, 2)); open(sys.argv[1], 'w')"
    temporary = run(image, ["python", "-c", code, "/tmp/x"], read_only=True)
    others = [run(image, ["python", "-c", code, path], read_only=True) for path in ("/cassettes/x", "/opt/recorder/x")]

    assert (temporary.returncode, temporary.stdout.split()[:2]) == (0, ["10001", "10001"])
    assert ["Read-only file system" in done.stderr for done in others] == [True, True]


@once
@fresh_root
def test_it_serves_is_healthy_and_ends_in_order(image: Stage, tmp_path: Path) -> None:
    port = free_port()
    volume = {image.folder: _cassettes(tmp_path)}
    command = [word.replace("8090", f"{port}") for word in [*image.entrypoint, *image.cmd]]
    health = [word.replace("8090", f"{port}") for word in image.health]
    ill = run(image, health, read_only=True)
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(inside(image, command, read_only=True, volumes=volume), stdout=log, stderr=log)
        try:
            until(lambda: "listening on" in (tmp_path / "log").read_text(), "the stand-in listens")
            well = run(image, health, read_only=True)
            os.kill(first_process(process.pid), getattr(signal, image.signal))
            code = process.wait(20)
        finally:
            process.kill()
            process.wait()

    assert (ill.returncode, well.returncode, well.stderr) == (1, 0, "")
    assert code == 0, (tmp_path / "log").read_text()


def _cassettes(folder: Path) -> Path:
    """A volume with a cassette that everybody may read."""
    volume = folder / "volume"
    volume.mkdir()
    (volume / "session.cassette").write_bytes((ROOT / "cassettes" / "preview-session.cassette").read_bytes())
    return volume
