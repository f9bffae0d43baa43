"""Fixtures of the reports' tests: a browser, and golden files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from kept_runs import kept_runs

__all__ = ["kept_runs"]
GOLDEN = Path(__file__).parent / "golden"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium():
    """A running Chromium: the one on PATH, else playwright's own. None at all is a failure only in CI."""
    from playwright.sync_api import Error, sync_playwright

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        except Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no browser: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def golden():
    """Compares a text with a golden file; REGENERATE_GOLDEN=1 writes it instead."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("REGENERATE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert text == path.read_text(encoding="utf-8"), (
            f"{name} has changed (REGENERATE_GOLDEN=1 accepts it)"
        )

    return compare


@pytest.fixture(scope="session")
def pages(tmp_path_factory, request):
    """The address of a page, which is written once: of a run by the name of the function that makes it, of the demo, and of
    100,000 findings."""
    from account_runs import accounts
    from lenient_runs import lenient
    from report_runs import clean_run, governed, ordinary
    from test_report_html import many

    from checker.reporting import Options, deliver, writer

    runs = {run.__name__: run for run in (accounts, clean_run, governed, lenient, ordinary)}
    runs["many"] = lambda: many(99_700)
    folder, written = tmp_path_factory.mktemp("pages"), {}

    def address(name: str) -> str:
        if name == "demo":
            written[name] = request.getfixturevalue("demo").folder / "report.html"
        elif name not in written:
            written[name] = folder / f"{name}.html"
            deliver(runs[name](), writer("html"), written[name], Options())
        return written[name].as_uri()

    return address
