"""What the numbers were measured on, and with which versions. No names of hosts, no paths."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.peers import cassetter
from benchmarks.peers.servers import PACKAGES

_PACKAGES = ("aiohttp", "msgpack", "mitmproxy", "uvloop", "uvicorn", "httptools", "vcrpy", "playwright")
_SYSTEM = {"wrk": ["wrk", "-v"], "Java": ["java", "-version"], "Node": ["node", "--version"]}
_NUMBER = re.compile(r"\d+(?:\.\d+)+")


def machine() -> dict[str, str]:
    """Processor, cores, memory, kernel."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{pages / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {_short(platform.release())}",
    }


def versions() -> dict[str, str]:
    """Of what is measured and what measures; what is not installed is left out."""
    found = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    for name in ("wiremock", "mountebank"):
        manifest = PACKAGES / name / "package.json"
        if manifest.is_file():
            found[name] = json.loads(manifest.read_text())["version"]
    if (pinned := _NUMBER.search(cassetter.LOCK.read_text())) and cassetter.missing() is None:
        found["cassetter"] = pinned[0]
    for name, command in _SYSTEM.items():
        if shutil.which(command[0]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            number = _NUMBER.search(done.stdout + done.stderr)
            found[name] = number[0] if number else "of an unknown version"
    return found


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _short(release: str) -> str:
    """The kernel's version, without what a vendor adds."""
    number = _NUMBER.match(release)
    return number[0] if number else release
