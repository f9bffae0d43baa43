"""`demo`: a whole audit, over HTTP, of a simulated data store."""

from __future__ import annotations

import csv
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from checker import api
from checker.cli import check
from checker.cli.console import colored, line_width, print_line
from checker.model import utc_now
from checker.problems import CheckerError, InvalidInputError, Problem

if TYPE_CHECKING:
    from checker.simulator import DemoStore

REPORTS = {"html": "report.html", "junit": "junit.xml", "json": "results.json"}
RUNS = "runs"

WRITTEN = ("audit.yaml", "inventory.csv", "waivers.yaml", *REPORTS.values())

AUDIT = """\
# The audit of the demo: `imageset-checker demo` wrote it, and ran it twice against the simulator.
version: 1
name: demo
policies:    # every pack that comes with the checker, but for the one on DICOM attributes, which only a search gives
  - pack:healthimaging-integrity
  - pack:healthimaging-retention
  - pack:healthimaging-lifecycle
  - pack:healthimaging-history
  - pack:healthimaging-access-and-encryption
  - pack:healthimaging-cost
  - pack:healthimaging-data-quality
params:
{params}
targets:
  - name: demo-archive
    region: {region}
    datastore: "{datastore}"
    image_sets: {{file: inventory.csv}}
    complete: true    # the inventory lists every image set, so that the data store can be judged as a whole
waivers: waivers.yaml
gate: {{fail_on: high}}
reports: {{html: report.html, junit: junit.xml, json: results.json}}
runs: runs/    # each run is kept: the next one says what changed
rates:    # the simulator has no quota; AWS's are 25 calls a second, 10 of tags
  GetImageSet: {{rate: 500, burst: 500}}
  ListImageSetVersions: {{rate: 500, burst: 500}}
  ListTagsForResource: {{rate: 500, burst: 500}}
"""

WAIVERS = """\
version: 1
waivers:
  - rule: healthimaging-integrity/no-forced-overrides
    image_sets: ["{reviewed}"]
    version: {version}    # a further version is not waived
    reason: Both image sets were compared on the day of the update; they are of one patient.
    owner: Radiology informatics
    approved_by: Privacy office
    created: {created}
    expires: {expires}
  - rule: healthimaging-lifecycle/{lapsed_rule}
    image_sets: ["{lapsed}"]
    reason: The vendor was to repair it within a month.
    owner: Radiology informatics
    approved_by: Privacy office
    created: {long_ago}
    expires: {lapsed_on}
"""

# The packs give neither periods nor places a default; these are the demo's.
PARAMS = {
    "healthimaging-retention.retention_after_ingest": "5y",
    "healthimaging-retention.mammography_retention": "10y",
    "healthimaging-access-and-encryption.allowed_regions": "[us-east-1, us-west-2]",
    "healthimaging-access-and-encryption.allowed_accounts": '["{account}"]',
    "healthimaging-access-and-encryption.allowed_keys": "'^arn:aws:kms:us-east-1:{account}:key/'",
}
RETENTION = {"adult": "5y", "paediatric": "21y", "mammography": "10y"}


def run(folder: str) -> int:
    """Writes an inventory, waivers and an audit.yaml, runs the audit before and after a few things happened, and tells what
    a gate would see. Exits with 0."""
    from checker.simulator import SimulatorMissingError, change_demo, seed_demo, serve

    root = Path(folder)
    _refuse_foreign(root)
    for name in WRITTEN:
        api.probe(root / name)
    try:
        with serve() as server, _only(server.url):
            store = seed_demo(utc_now())
            _write(root, store)
            options = api.AuditOptions(
                config=root / "audit.yaml", color=colored(sys.stdout), width=line_width(sys.stdout)
            )
            check.run(options, quiet=True)
            change_demo(store)
            code = check.run(options)
    except SimulatorMissingError as error:
        raise CheckerError(f"imageset-checker demo: error: {error}") from None
    print_line(f"\nOpen {(root / 'report.html').as_posix()} in a browser.")
    print_line(f"A gate would see exit code {code}; the demo itself exits with 0.")
    return 0


def _refuse_foreign(root: Path) -> None:
    """A folder that holds files of these names which no demo wrote is left alone."""
    audit = root / "audit.yaml"
    there = [name for name in WRITTEN if (root / name).exists()]
    ours = audit.is_file() and audit.read_bytes().startswith(AUDIT.splitlines()[0].encode())
    if there and not ours:
        raise InvalidInputError(
            Problem(
                (root / name).as_posix(),
                "is there already, and no demo wrote it",
                "name another folder: imageset-checker demo DIR",
            )
            for name in there
        )


def _write(root: Path, store: DemoStore) -> None:
    columns = ("class", "legal_hold", "study_date")
    params = "".join(
        f"  {name}: {value.format(account=store.account)}\n" for name, value in PARAMS.items()
    ).rstrip("\n")
    text = AUDIT.format(params=params, region=store.region, datastore=store.datastore_id)
    try:
        root.mkdir(parents=True, exist_ok=True)
        # each demo has another data store: what an earlier one kept would say that this one was altered
        shutil.rmtree(root / RUNS, ignore_errors=True)
        (root / "audit.yaml").write_text(text, encoding="utf-8")
        (root / "waivers.yaml").write_text(_waivers(store), encoding="utf-8")
        with (root / "inventory.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["imageSetId", *columns, "retention"])
            for image_set in store.inventory:
                values = [image_set.labels.get(name, "") for name in columns]
                rows.writerow([image_set.id, *values, RETENTION.get(values[0], "")])
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidInputError(Problem(root.as_posix(), f"cannot be written: {reason}")) from None


def _waivers(store: DemoStore) -> str:
    """One that is in force and ends soon, and one that has expired."""

    def day(days: int) -> str:
        return (store.now + timedelta(days=days)).date().isoformat()

    return WAIVERS.format(
        reviewed=store.ids("forced-copy")[0],
        version=2,
        created=day(-60),
        expires=day(10),
        lapsed_rule="no-failed-workflow",
        lapsed=store.ids("update-failed")[0],
        long_ago=day(-100),
        lapsed_on=day(-5),
    )


@contextmanager
def _only(url: str) -> Iterator[None]:
    """An environment in which AWS is the simulator: the user's credentials are not used, and nothing leaves the machine."""
    own = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    for name in own:
        del os.environ[name]
    os.environ |= {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(own)
