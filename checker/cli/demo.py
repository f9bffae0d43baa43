"""`demo`: a whole audit, over HTTP, of a simulated data store."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from checker import api
from checker.cli.console import progress, say
from checker.model import utc_now
from checker.problems import CheckerError, InvalidInputError, Problem
from checker.reporting import Options, probe

if TYPE_CHECKING:
    from checker.simulator import DemoStore

REPORTS = {"html": "report.html", "junit": "junit.xml", "json": "results.json"}

WRITTEN = ("audit.yaml", "inventory.csv", *REPORTS.values())

AUDIT = """\
# The audit of the demo: `imageset-checker demo` wrote it, and ran it against the simulator.
version: 1
name: demo
policies: ["pack:"]    # every pack that comes with the checker
params:
{params}
targets:
  - name: demo-archive
    region: {region}
    datastore: "{datastore}"
    image_sets: {{file: inventory.csv}}
    complete: true    # the inventory lists every image set, so that the data store can be judged as a whole
gate: {{fail_on: high}}
reports: {{html: report.html, junit: junit.xml, json: results.json}}
rates:    # the simulator has no quota; AWS's are 25 calls a second, 10 of tags
  GetImageSet: {{rate: 500, burst: 500}}
  ListImageSetVersions: {{rate: 500, burst: 500}}
  ListTagsForResource: {{rate: 500, burst: 500}}
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
    """Writes an inventory and an audit.yaml, runs the audit, and tells what a gate would see. Exits with 0."""
    from checker.simulator import SimulatorMissingError, seed_demo, serve

    root = Path(folder)
    _refuse_foreign(root)
    for name in WRITTEN:
        probe(root / name)
    try:
        with serve() as server, _only(server.url):
            result = _audit(root, seed_demo(utc_now()))
    except SimulatorMissingError as error:
        raise CheckerError(f"imageset-checker demo: error: {error}") from None
    siblings = {name: str(root / path) for name, path in REPORTS.items()}
    api.report(result, {"text": "-"}, Options(siblings=siblings))
    say("")
    for name, path in REPORTS.items():
        say(f"{name:<6} {(root / path).as_posix()}")
    say(f"\nOpen {(root / 'report.html').as_posix()} in a browser.")
    say(
        f"A gate would see exit code {result.outcome.exit_code} ({result.outcome}); the demo itself exits with 0."
    )
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


def _audit(root: Path, store: DemoStore) -> api.Run:
    _write(root, store)
    config = api.configure(root / "audit.yaml")
    policies = api.load([api.Request(str(node.value), node) for node in config.policies], base=config.root)
    rules = api.choose(policies, configured=config.params)
    targets, _, _ = api.targets(config, policies)
    with progress(quiet=False) as tell:
        evidence = api.collect(config, targets, needs=rules.needs, progress=tell)
    result = api.evaluate(rules, evidence, name=config.name, gate=api.Gate(config.fail_on, config.on_unknown))
    paths = {name: config.at(path) for name, path in config.reports.items()}
    api.report(result, paths, Options())
    return result


def _write(root: Path, store: DemoStore) -> None:
    columns = ("class", "legal_hold", "study_date")
    params = "".join(
        f"  {name}: {value.format(account=store.account)}\n" for name, value in PARAMS.items()
    ).rstrip("\n")
    text = AUDIT.format(params=params, region=store.region, datastore=store.datastore_id)
    try:
        root.mkdir(parents=True, exist_ok=True)
        (root / "audit.yaml").write_text(text, encoding="utf-8")
        with (root / "inventory.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["imageSetId", *columns, "retention"])
            for one in store.inventory:
                values = [one.labels.get(name, "") for name in columns]
                rows.writerow([one.id, *values, RETENTION.get(values[0], "")])
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidInputError(Problem(root.as_posix(), f"cannot be written: {reason}")) from None


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
