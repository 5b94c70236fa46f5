"""Add a cassette to the report of its test: a section, the page that compares, and the pseudonyms in an assertion."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from inspect import isasyncgenfunction, isgeneratorfunction
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..errors import RecorderError
from . import verdict
from .attaching import attach

if TYPE_CHECKING:
    from .driving import Driving
    from .playing import Playing
    from .taking import Taking

_PAGES = 50  # that one process writes into the temporary folder; a folder of the user's takes all
_COMPARISONS, _LONGEST = 8, 100_000  # of one test that are looked at, and characters of one side
_PLAIN = (str, bytes, int, float, list, tuple, dict, set, frozenset)
_OWN = "recorder.pytest_plugin"
_FOLDER = "cassette-reports"
FACTORY = pytest.StashKey[pytest.TempPathFactory]()  # of a test: makes its temporary folders


@dataclass(slots=True)
class Telling:
    """The folder of the pages of one pytest run, and their number.

    Attributes:
        pages: Pages that were written into the temporary folder.
        compared: What the last assertions that failed have compared, as text.

    """

    pages: int = 0
    compared: deque[str] = field(default_factory=lambda: deque(maxlen=2 * _COMPARISONS))

    def note(self, *sides: object) -> None:
        """Remember the two sides of a comparison that failed; only texts, numbers and what is made of them."""
        for side in sides:
            if isinstance(side, _PLAIN):
                try:
                    self.compared.append(repr(side)[:_LONGEST])
                except Exception:  # noqa: BLE001  # of a member, whose class is the user's: then nothing is told of it
                    return

    def played(self, item: pytest.Item, report: pytest.TestReport, side: Playing, told: int) -> None:
        """Tell of a stand-in, without the first `told` misses, in the report of its failed test."""
        report.sections.append(("cassette", verdict.summary(side, told)))
        self._pseudonyms(side, report)
        data = verdict.as_json(item.nodeid, side.report())
        self._write(item, report, side, {".json": data, ".txt": verdict.summary(side)})

    def driven(self, item: pytest.Item, report: pytest.TestReport, side: Driving) -> None:
        """Tell of a driver in the report of its failed test."""
        from ..views.live.driven import report_row  # noqa: PLC0415  # only for a test that failed
        from .driving import summary  # noqa: PLC0415  # takes the modules of drives

        text = summary(side)
        report.sections.append(("cassette", text))
        self._pseudonyms(side, report)
        data = verdict.as_json(item.nodeid, report_row(side.report()))
        self._write(item, report, side, {".json": data, ".txt": text})

    def taken(self, item: pytest.Item, report: pytest.TestReport, side: Taking) -> None:
        """Tell where the recording of a test is kept that fails, and have it kept there."""
        folder = temporary(item)
        stays = f"; {side.cassette} stays as it was" if side.cassette.exists() else ""
        where = "it was not kept"
        if folder is not None:
            path = verdict.path_of_report(folder, item.nodeid)
            side.kept = path.with_name(f"{path.name}.cassette")
            where = f"it is kept in {side.kept}"
        report.sections.append(("cassette", f"the test failed while it was recorded: {where}{stays}"))

    def _pseudonyms(self, side: Playing | Driving, report: pytest.TestReport) -> None:
        """Add a section about the pseudonyms in what a failed test compared."""
        policy = side.policy
        if policy is None or not self.compared:
            return
        from .standing import explained  # noqa: PLC0415  # only for a test that failed

        told = explained(side.recording, policy, self.compared)
        if told is not None:
            report.sections.append(("cassette pseudonyms", told))

    def _write(
        self, item: pytest.Item, report: pytest.TestReport, side: Playing | Driving, contents: dict[str, str]
    ) -> None:
        """Write the page of a failed test, and beside it the contents if reports are wanted; tell where it is."""
        folder = item.config.getoption("cassette_report")
        try:
            text = self._files(item, report, side, contents, folder)
        except (RecorderError, OSError) as exc:  # an error in this hook would end the whole run
            text = f"was not written: {exc}"
        if text:
            report.sections.append(("cassette report", text))

    def _files(
        self,
        item: pytest.Item,
        report: pytest.TestReport,
        side: Playing | Driving,
        contents: dict[str, str],
        wanted: Path | None,
    ) -> str:
        folder = wanted or temporary(item)
        if folder is None:
            return ""
        if wanted is None:
            if self.pages >= _PAGES:
                return f"not written, as {_PAGES} are; --cassette-report DIR writes all"
            self.pages += 1
        page = side.page()
        path = verdict.path_of_report(folder, item.nodeid)
        files = contents if wanted is not None else {}
        files = files if page is None else {".html": page, **files}
        if not files:
            return ""
        verdict.keep(path, files, side.settings.places)
        names = [path.with_name(path.name + suffix) for suffix in files]
        if page is not None:
            attach(item.config, report, names[0], page)
        return "\n".join(map(str, names))


def may_go_on(item: pytest.Item, *, is_driven: bool) -> bool:
    """Return whether a fixture of a test may still play something after the test has ended.

    These are fixtures that ask for the stand-in or the driver, and for a stand-in, whose URL a client has, those with
    code after a `yield`. Pytest's own are not.
    """
    found = getattr(item, "_fixtureinfo", None)  # nothing public tells the functions of a test's fixtures
    if found is None:
        return True
    for name, definitions in found.name2fixturedefs.items():
        for one in definitions[-1:]:
            module = getattr(one.func, "__module__", "") or ""
            if module == _OWN or module.startswith("_pytest.") or one.scope != "function":
                continue
            goes_on = isgeneratorfunction(one.func) or isasyncgenfunction(one.func)
            if (
                (goes_on and not is_driven)
                or not {"standin", "driver"}.isdisjoint(one.argnames)
                or name in ("standin", "driver")
            ):
                return True
    return False


def temporary(item: pytest.Item) -> Path | None:
    """Return the folder for files about failed tests; None without the plugin of temporary folders."""
    factory = item.stash.get(FACTORY, None)
    return None if factory is None else factory.getbasetemp() / _FOLDER
