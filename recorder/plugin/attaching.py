"""Attach the page of a failed test to the reports of other plugins, where these are installed and asked for one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_NAME = "cassette: expected against live"


def attach(config: pytest.Config, report: pytest.TestReport, path: Path, page: str) -> None:
    """Attach a page to the report of pytest-html and to that of Allure, if they are made.

    Args:
        config: The run's configuration.
        report: The report of the test.
        path: Where the page is.
        page: The page.
    """
    if config.pluginmanager.has_plugin("html") and config.getoption("htmlpath", None):
        # a browser opens no page of a `data:` URL, so a report in one file gets a link
        in_one_file = bool(config.getoption("self_contained_html", False))
        kind, content = ("url", path.as_uri()) if in_one_file else ("text", page)
        extra = {"name": _NAME, "format_type": kind, "content": content, "mime_type": "text/html", "extension": "html"}
        vars(report)["extras"] = [*getattr(report, "extras", []), extra]
    if config.pluginmanager.has_plugin("allure_pytest") and config.getoption("allure_report_dir", None):
        import allure  # type: ignore[import-not-found]  # noqa: PLC0415  # is there where its plugin is

        allure.attach(page, name=_NAME, attachment_type=allure.attachment_type.HTML)
