"""The steps of a Dockerfile in roots of their own, without a container engine: what is run is read from the file.

A base image is a root with the programs of this machine and the Python of these tests, all of it read-only. Libraries
are not downloaded: those of the environment of the tests are found on PYTHONPATH, and pip takes them as installed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.wheel import needed

_PYTHON = "/usr/local"  # where the interpreter of the tests is in a root, as in the base image
_SITE, _LIBRARIES = "/libraries/site", "/libraries/linked"
# bound read-only into each root; the rest of a root is its own
_HOST = ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64")
_LIMIT = 100.0


def available() -> str | None:
    """Return why no root of its own can be made here; None if one can."""
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("chroot") is None:
        return "only root can make a root for the steps of the Dockerfile"
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, text=True, check=False
    )
    return tried.stderr.strip() or None


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction of a Dockerfile, with its arguments as they stand there."""

    name: str
    rest: str

    @property
    def words(self) -> list[str]:
        """The arguments: of the exec form the list, else the words."""
        if self.rest.startswith("["):
            found: list[str] = json.loads(self.rest)
            return found
        return shlex.split(self.rest)


def instructions(text: str) -> list[Instruction]:
    """Parse a Dockerfile: comments, and lines that go on in the next one."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    return [Instruction(*line.split(maxsplit=1)) for line in whole]


@dataclass(slots=True)
class Stage:
    """One stage of a build: its root, and what the instructions have set so far."""

    root: Path
    env: dict[str, str]
    folder: str = "/"
    user: str = "0:0"
    args: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    entrypoint: list[str] = field(default_factory=list)
    cmd: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    signal: str = "SIGTERM"


def build(dockerfile: Path, context: Path, work: Path, **args: str) -> Stage:
    """Carry out the instructions of a Dockerfile; return the last stage.

    Raises:
        AssertionError: If a step fails.
        NotImplementedError: If an instruction, or a form of it, is none that is known here.

    """
    stages: dict[str, Stage] = {}
    values = dict(args)
    stage: Stage | None = None
    for one in instructions(dockerfile.read_text()):
        if one.name == "FROM":
            image, *name = re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], one.rest).split(" AS ")
            assert image.startswith("python:"), image
            stage = _base(work / f"stage{len(stages)}")
            stages[name[0] if name else "last"] = stage
        elif stage is None:
            assert one.name == "ARG", one
            _argument(one, values, args)
        else:
            _carry_out(one, stage, stages, context, args)
    assert stage is not None
    return stage


def _argument(one: Instruction, values: dict[str, str], given: Mapping[str, str]) -> None:
    name, _, default = one.rest.partition("=")
    values[name] = given.get(name, default)


def _carry_out(
    one: Instruction, stage: Stage, stages: Mapping[str, Stage], context: Path, given: Mapping[str, str]
) -> None:
    match one.name:
        case "ARG":
            _argument(one, stage.args, given)
        case "WORKDIR":
            stage.folder = one.rest
            (stage.root / one.rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        case "COPY" if one.words == [".", "."]:
            _copy_context(context, stage.root / stage.folder.lstrip("/"))
        case "COPY" if one.words[0].startswith("--from="):
            source, path, target = one.words
            at = stages[source.removeprefix("--from=")].root / path.lstrip("/")
            shutil.copytree(at, stage.root / target.lstrip("/"), symlinks=True)
        case "RUN":
            done = run(stage, ["/bin/sh", "-c", one.rest], env=stage.args)
            assert done.returncode == 0, f"RUN {one.rest}\n{done.stdout}\n{done.stderr}"
        case "ENV" | "LABEL":
            pairs = dict(word.split("=", 1) for word in one.words)
            stage.env |= pairs if one.name == "ENV" else {}
            stage.labels |= pairs if one.name == "LABEL" else {}
        case _:
            _describe(one, stage)


def _describe(one: Instruction, stage: Stage) -> None:
    """Take an instruction that changes how the image is run."""
    match one.name:
        case "USER":
            stage.user = one.rest
        case "EXPOSE":
            stage.ports += one.words
        case "STOPSIGNAL":
            stage.signal = one.rest
        case "HEALTHCHECK":
            stage.health = Instruction("CMD", one.rest.split("CMD ", 1)[1]).words
        case "ENTRYPOINT":
            stage.entrypoint = one.words
        case "CMD":
            stage.cmd = one.words
        case _:
            raise NotImplementedError(one)


def _base(root: Path) -> Stage:
    """Make the root of a base image: empty folders, on which `inside` binds those of this machine."""
    for folder in (
        *_HOST,
        "proc",
        "dev",
        "tmp",
        "etc",
        "var/tmp",
        "usr/local/bin",
        "usr/local/lib",
        _SITE[1:],
        _LIBRARIES[1:],
    ):
        (root / folder).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    for library in needed("outbound-recorder[archive]", "hatchling"):
        for name in {file.parts[0] for file in library.files or () if file.parts[0] not in {"..", "__pycache__"}}:
            link = root / _LIBRARIES[1:] / name
            if "outbound_recorder" not in name and not link.is_symlink():
                link.symlink_to(f"{_SITE}/{name}")
    return Stage(root, {"PATH": "/usr/local/bin:/usr/bin:/bin"})


# the environment of this machine: no network, and libraries that are there
_MACHINE = {
    "LD_LIBRARY_PATH": f"{_PYTHON}/lib",
    "PYTHONPATH": _LIBRARIES,
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # which means: without isolation (pypa/pip#5735)
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
}


def inside(
    stage: Stage, command: list[str], *, env: Mapping[str, str] | None = None, read_only: bool = False,
    volumes: Mapping[str, Path] | None = None,
) -> list[str]:  # fmt: skip
    """Return the command that runs another one in the root of a stage, as its user, as process 1 of its own.

    Args:
        stage: The stage.
        command: What to run, in the exec form.
        env: Further variables of the environment.
        read_only: Whether nothing but /tmp can be written.
        volumes: Folders of this machine by where they are bound, read-only.

    """
    root = str(stage.root)
    binds = {f"{root}/{name}": f"/{name}" for name in _HOST if Path(f"/{name}").is_dir()}
    binds |= {f"{root}{_PYTHON}/{name}": f"{sys.base_prefix}/{name}" for name in ("bin", "lib")}
    binds |= {f"{root}{_SITE}": sysconfig.get_path("purelib")}
    binds |= {f"{root}{at}": str(path) for at, path in (volumes or {}).items()}
    steps = ["set -e", f"mount --bind {shlex.quote(root)} {shlex.quote(root)}"]
    steps += [f"mount --rbind -o ro {shlex.quote(source)} {shlex.quote(at)}" for at, source in binds.items()]
    steps += [f"mount -o remount,bind,ro {shlex.quote(at)}" for at in binds]
    steps += [f"mount -t tmpfs -o mode=1777 tmpfs {shlex.quote(root)}/tmp"]
    steps += [f"mount -t proc proc {shlex.quote(root)}/proc", f"mount --rbind /dev {shlex.quote(root)}/dev"]
    steps += [f"mount -o remount,bind,ro {shlex.quote(root)}"] if read_only else []
    variables = [f"{name}={value}" for name, value in (_MACHINE | stage.env | dict(env or {})).items()]
    shell = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', stage.folder, *command]
    steps.append(f"exec chroot --userspec={stage.user} {shlex.quote(root)} env -i {shlex.join([*variables, *shell])}")
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", "\n".join(steps)]


def run(stage: Stage, command: list[str], **how: object) -> subprocess.CompletedProcess[str]:
    """Run a command in the root of a stage to its end."""
    whole = inside(stage, command, **how)  # type: ignore[arg-type]  # those of `inside`
    return subprocess.run(whole, capture_output=True, text=True, timeout=_LIMIT, check=False)


def first_process(unshared: int) -> int:
    """Return the number that process 1 of a root has outside of it."""
    (child,) = Path(f"/proc/{unshared}/task/{unshared}/children").read_text().split()
    return int(child)


def _copy_context(context: Path, target: Path) -> None:
    """Copy what .dockerignore lets through: a `*`, then what it takes back, and names to leave out everywhere."""
    rules = [line for line in (context / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert rules[0] == "*", rules
    kept = [rule[1:] for rule in rules if rule[0] == "!"]
    dropped = [rule.removeprefix("**/") for rule in rules if rule.startswith("**/")]
    assert len(kept) + len(dropped) + 1 == len(rules), rules
    for name in kept:
        source = context / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns(*dropped))
        else:
            shutil.copy(source, target / name)
