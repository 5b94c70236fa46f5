"""The wheel in an environment of its own, which has what the wheel's metadata asks for and nothing else.

Libraries are not downloaded: those of the environment of the tests are linked into the new one. pip finds them there,
and finds the wheel in its folder, so that `pip install 'outbound-recorder[record]'` can be typed as it stands.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable, Iterator
from email import message_from_bytes
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


def needed(*names: str) -> Iterator[Distribution]:
    """Yield the libraries that some come with: their own and those of these, without extras unless named `a[b]`."""
    seen: set[str] = set()
    left = [Requirement(name) for name in names]
    while left:
        one = left.pop()
        found = distribution(one.name)
        if str(one) not in seen:
            seen.add(str(one))
            left += [bare(r) for r in required(found.requires or (), one.extras)]
            yield found


def required(requirements: Iterable[str], extras: Iterable[str] = ()) -> list[Requirement]:
    """Return what is required here with these extras."""
    asked = [{"extra": extra} for extra in ("", *extras)]
    return [r for r in map(Requirement, requirements) if r.marker is None or any(map(r.marker.evaluate, asked))]


def bare(requirement: Requirement) -> Requirement:
    """Return a requirement as a name with its extras."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return Requirement(requirement.name + extras)


def requirements_of(wheel: Path, *extras: str) -> list[str]:
    """Return what a wheel says that it needs: what is installed beside may be another version."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        told = message_from_bytes(archive.read(metadata)).get_all("Requires-Dist", [])
    return [str(bare(r)) for r in required(told, extras)]


def linked(library: Distribution, site: Path) -> None:
    """Put an installed library into another environment, with the commands it brings."""
    for name in {file.parts[0] for file in library.files or () if file.parts[0] not in {"..", "__pycache__"}}:
        if not (site / name).exists():
            (site / name).symlink_to(str(library.locate_file(name)))


def build(folder: Path) -> Path:
    """Build the wheel of this checkout into a folder."""
    command = [*PIP, "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def environment(folder: Path, *libraries: str) -> Path:
    """Make an environment that has these libraries, and return its interpreter."""
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/*/site-packages")
    for library in needed(*libraries):
        linked(library, site)
        for entry in library.entry_points:
            if entry.group == "console_scripts":
                _script(folder / "bin" / entry.name, folder / "bin" / "python", entry.value)
    return folder / "bin" / "python"


def install(python: Path, wheel: Path) -> None:
    """Install the wheel into an environment, without what it needs."""
    subprocess.run([*PIP, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)], check=True)


def own() -> dict[str, str]:
    """Return the environment variables without those that belong to the run of the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST_", "COVERAGE"))}


def _script(path: Path, python: Path, value: str) -> None:
    module, _, function = value.partition(":")
    if not path.exists():
        path.write_text(f"#!{python}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n")
        path.chmod(0o755)
