"""Tests that need Node or a browser run where it is; elsewhere they are left out by name, with CI=true they fail."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from recorder.system.signals import ENDS
from tests.deploy import balancers, image
from tests.lab import browser as lab_browser
from tests.lab import lab

pytest_plugins = ["pytester"]  # runs suites of their own, for the tests of the plugin

CI = os.environ.get("CI") == "true"
# A busy machine may stop a test for longer than the 200 ms an example has by default. With CI=true the examples depend
# on the test alone: a run that fails fails again.
settings.register_profile("patient", deadline=None, derandomize=CI, max_examples=50 if CI else 100)
settings.register_profile("brief", deadline=None, derandomize=CI, max_examples=20)  # for a second run of the same tests
# For `make properties`: seeds of its own in CI as well, and what a failure is run again with.
settings.register_profile("thorough", deadline=None, max_examples=1000, derandomize=False, print_blob=True)
settings.load_profile("patient")
if CI:  # else Hypothesis draws constants of our modules that are loaded already, which no two workers have in common
    providers._get_local_constants = lambda: providers._local_constants


def _installed(package: str) -> Callable[[], str | None]:
    """Return a function that tells why a package of npm cannot be run here, or None if it can."""
    folder = Path(__file__).parents[1] / package
    return lambda: None if shutil.which("node") and folder.is_dir() else f"{folder} is not installed (npm ci)"


def _shared(item: pytest.Function) -> bool:
    """Return whether a test takes a fixture that is made once for its module, and so by each worker that runs one."""
    return any(made[-1].scope == "module" for made in item._fixtureinfo.name2fixturedefs.values())


_NEEDED = {  # by marker
    "node": ("Node", lab.available),
    "browser": ("a browser", lab_browser.available),
    "balancers": ("HAProxy and nginx", balancers.available),
    "fresh_root": ("a root of its own", image.available),
    "bundler": ("esbuild", _installed("recorder/views/page/node_modules/esbuild")),
    "npm": ("Vitest", _installed("packages/outbound-recorder-standin/node_modules/vitest")),
}


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and _shared(item) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.module.__name__))
    for marker, (what, available) in _NEEDED.items():
        needing = [item for item in items if item.get_closest_marker(marker)]
        missing = available() if needing else None
        if missing is None:
            continue
        if CI:
            raise pytest.UsageError(f"{len(needing)} tests need {what}: {missing}")
        for item in needing:
            item.add_marker(pytest.mark.skip(reason=f"needs {what}: {missing}"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Give signals their handlers back: a command that runs in this process takes them, as in a process of its own."""
    before = {number: signal.getsignal(number) for number in ENDS}
    result = yield
    for number, handler in before.items():
        if handler is not None and signal.getsignal(number) is not handler:  # None: one that is not of Python
            signal.signal(number, handler)
    return result


@pytest.fixture(scope="session")
def browser() -> Iterator[lab_browser.Browser]:
    """A headless Chromium; each test takes pages of its own."""
    with lab_browser.browsing() as started:
        yield started
