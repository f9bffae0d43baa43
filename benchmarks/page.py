"""The page for auditors, by how many findings a run has: its size, how many of them it holds, and how fast Chromium is with
it. `--help` has the options."""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from compare import AS_OF, HERE, load_rules
from data import make_tables
from memory import a_run

import checker
from checker.evaluation.engine import evaluate
from checker.judgement.run import Run

if TYPE_CHECKING:
    from playwright.sync_api import Page

FINDINGS_PER_SET = 0.447
"""How many findings the rules of image_set.yaml have of an image set of the tables."""
SIZES = (12, 100_000, 1_000_000)
ADDRESSES = (
    "severity=critical",
    "verdict=unknown",
    "target=store-07",
    "counted=yes",
    "q=deleted",
    "q=store-07 0a",
    "q=0a",
    "group=set",
    "group=rule",
    "group=control",
    "sort=set",
    "sort=oldest",
)
TIMED = """address => {
    const start = performance.now();
    history.replaceState(null, "", "#findings?" + address);
    dispatchEvent(new HashChangeEvent("hashchange"));
    document.body.offsetHeight;  // the layout, too
    return performance.now() - start;
}"""
EVERY = """step => {
    let found = 0, wanted = 0;
    for (let r = 0; r < findings.total; r += step, wanted++) {
        const all = findingSearch.matching([findings.idOf(r)]);
        found += all[r] === 1 && all.reduce((sum, n) => sum + n, 0) === 1;
    }
    return [found, wanted];
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, nargs="*", default=SIZES, help="about so many findings each")
    parser.add_argument("--repeat", type=int, default=3, help="how often the page is opened")
    parser.add_argument(
        "--step", type=int, default=97, help="every so manieth finding is searched for by its id"
    )
    options = parser.parse_args()
    (HERE / ".cache").mkdir(exist_ok=True)
    for number in options.findings:
        run = run_of(number)
        path = HERE / ".cache" / f"page-{number}.html"
        start, processor = time.perf_counter(), time.process_time()
        checker.report(run, {"html": path})
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
        total = run.total.fail + run.total.unknown + run.total.waived
        print(
            f"{total:,} findings: {path.stat().st_size:,} bytes, written in {seconds:.1f} s ({processor:.1f} s of processor time)"
        )
        sys.stdout.flush()
        browse(path, options.repeat, options.step)


def browse(path: Path, repeat: int, step: int) -> None:
    """Opens a page and uses it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened: list[float] = []
        for _ in range(repeat):
            page = browser.new_page()
            processor = processor_time(page)
            start = time.perf_counter()
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            opened.append(time.perf_counter() - start)
        ready = processor()
        page.wait_for_selector("html[data-searchable]", state="attached")
        print(
            f"  interactive after {statistics.median(opened):.2f} s ({ready:.2f} s of processor time), "
            f"searchable after {time.perf_counter() - start:.2f} s ({processor():.2f} s)"
        )
        for address in ADDRESSES:
            times: list[tuple[float, float]] = []
            for _ in range(repeat):
                before = processor()
                times.append((page.evaluate(TIMED, address), 1000 * (processor() - before)))
            first, again = times[0], tuple(map(min, zip(*times, strict=True)))
            print(
                f"  {address:20} at first {first[0]:6.0f} ms ({first[1]:4.0f}), again {again[0]:6.0f} ms ({again[1]:4.0f})"
            )
        print(f"  {page.locator('#held').inner_text() or 'all are held'}")
        found, wanted = page.evaluate(EVERY, step)
        print(f"  {found:,} of every {step}th finding ({wanted:,}) found by its id")
        browser.close()


def processor_time(page: Page) -> Callable[[], float]:
    """The seconds of processor time that the page's main thread has taken: a busy machine makes it wait, but not work more."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def seconds() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float(next(item["value"] for item in metrics if item["name"] == "TaskDuration"))

    return seconds


def run_of(number: int) -> Run:
    """A run of about so many findings."""
    rules = load_rules("image_set")
    sets = max(1, round(number / FINDINGS_PER_SET))
    folder = HERE / ".cache" / f"page-{sets}"
    make_tables(folder, sets, 1)
    return a_run(evaluate(rules, folder, AS_OF), rules, folder, ["image_set"])


if __name__ == "__main__":
    main()
