"""Reports of a run, each in a process of its own: seconds of the processor, memory and size by the number of findings, beside a
writer of the same lines as one would write it by hand. `--help` has the options."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import duckdb
from compare import AS_OF, CACHE, load_rules
from data import make_tables
from memory import a_run, peak

import checker
from checker.evaluation.engine import evaluate
from checker.layout import FINDINGS
from checker.reporting.condition_text import expected
from checker.reporting.report_options import Options

SEED = 1
FINDINGS_PER_SET = 0.447
"""How many findings the rules of image_set.yaml have of an image set of the tables."""
BATCH = 10_000
BY_HAND = ("ndjson", "junit")
MOST_RATIO = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--findings",
        type=int,
        nargs="+",
        default=[1_000, 100_000, 1_000_000],
        help="how many, about (%(default)s)",
    )
    parser.add_argument(
        "--format", nargs="+", default=["text", "json", "ndjson", "junit", "html"], help="which (%(default)s)"
    )
    args = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; by hand: NDJSON by orjson, JUnit by f-strings, target {MOST_RATIO}"
    )
    print(f"{'format':<8}{'findings':>10}{'CPU':>9}{'memory':>10}{'size':>10}{'by hand':>10}{'ratio':>7}")
    for findings in args.findings:
        folder = CACHE / f"tables-{round(findings / FINDINGS_PER_SET)}-{SEED}"
        make_tables(folder, round(findings / FINDINGS_PER_SET), SEED)
        for name in args.format:
            print_format(name, folder)


def print_format(name: str, folder: Path) -> None:
    ours = in_child("ours", name, folder)
    line = f"{name:<8}{ours['findings']:>10,}{ours['seconds']:>7.2f} s{ours['memory'] / 2**20:>6,.0f} MiB{ours['size'] / 1e6:>7,.1f} MB"
    if name in BY_HAND:
        hand = in_child("by-hand", name, folder)
        assert hand["lines"] == ours["lines"], f"{name}: the findings by hand are others"
        line += f"{hand['seconds']:>8.2f} s{ours['seconds'] / hand['seconds']:>7.1f}"
    print(line)


Row = Mapping[str, Any]
COLUMNS = (
    "rule, severity, target, account, region, datastoreId, imageSetId, versionId, exact, verdict, reason, fields, calls, "
    "strftime(collectedAt, '%Y-%m-%dT%H:%M:%SZ') AS collected, arn"
)
WORST_FIRST = (
    f"SELECT {COLUMNS} FROM read_parquet($1) ORDER BY list_position(['critical', 'high', 'medium', 'low', 'info'], severity), "
    "verdict = 'unknown', rule, target, imageSetId"
)
BY_RULE = f"SELECT {COLUMNS} FROM read_parquet($1) ORDER BY finding"


def rows(folder: Path, query: str) -> Iterator[dict[str, Any]]:
    """The findings, with what a person is to read made of them."""
    rules = {rule.name: rule for rule in load_rules("image_set")}
    # `{{ deletedAt }}` of a rule's message as Python's own formatting has it
    messages = {name: re.sub(r"{{ *([\w.]+) *}}", r"{0[\1]}", rule.message) for name, rule in rules.items()}
    days = {
        field.path for rule in rules.values() for field in (*rule.fields, *rule.message_fields) if field.day
    }
    first = "2026-01-01T00:00:00Z"
    with duckdb.connect() as connection:
        found = connection.execute(query, [str(folder / FINDINGS)])
        while batch := found.fetchmany(BATCH):
            for (
                name,
                severity,
                target,
                account,
                region,
                store,
                image_set,
                version,
                exact,
                verdict,
                reason,
                text,
                calls,
                collected,
                arn,
            ) in batch:
                rule, fields = rules[name], json.loads(text)
                for path, value in fields.items():
                    if type(value) is dict:
                        fields[path] = f"{value['months'] // 12}y"
                    elif type(value) is str and value.endswith("Z"):
                        fields[path] = (
                            value[:10]
                            if path in days
                            else value.removesuffix(".000Z") + "Z" * value.endswith(".000Z")
                        )
                shown = [field.path for field in rule.fields]
                if verdict == "fail" and not rule.message:
                    message = ", ".join(
                        f"{path} {'is absent' if fields[path] is None else 'is ' + said(fields[path])}"
                        for path in shown
                    )
                elif verdict == "fail":
                    message = messages[name].format(Shown(fields))
                elif reason == "ResourceNotFoundException":
                    message = f"could not find out: the image set is not there ({reason})"
                elif " " in reason:
                    message = f"could not find out: {reason}"
                else:
                    message = f"could not find out: the image set could not be read ({reason})"
                identity = json.dumps([name, target, store, image_set, version if exact else None])
                yield {
                    "id": hashlib.sha256(identity.encode()).hexdigest()[:16], "rule": rule.id, "pack": rule.pack,
                    "title": rule.title, "severity": severity, "verdict": verdict, "waived": False, "waiver": None,
                    "new": None, "change": None, "causes": [], "first_seen": first, "first_seen_run": "benchmark",
                    "age_days": 0, "gated": severity != "info", "target": target, "account": account, "region": region,
                    "datastoreId": store, "imageSetId": image_set, "versionId": None if version is None else str(version),
                    "arn": arn, "scope": "image_set", "controls": {}, "owner": None, "reason": reason,
                    "calls": calls.split(" ") if calls else [], "collectedAt": collected if calls else None, "reusedFrom": None,
                    "message": message, "observed": {path: fields[path] for path in shown}, "where": str(rule.where), "exact": exact,
                }  # fmt: skip


class Shown(dict[str, Any]):
    """Values as a message shows them."""

    def __missing__(self, key: str) -> str:
        raise KeyError(key)

    def __getitem__(self, key: str) -> str:
        return said(super().__getitem__(key))


def said(value: object) -> str:
    return (
        "(absent)" if value is None else str(value).lower() if value is True or value is False else str(value)
    )


def write_ndjson(folder: Path, path: Path) -> None:
    import orjson

    with path.open("wb") as out:
        for row in rows(folder, WORST_FIRST):
            del row["exact"]
            out.write(orjson.dumps({"type": "finding", "finding": row}) + b"\n")


def write_junit(folder: Path, path: Path) -> None:
    asked = {rule.id: expected(rule) for rule in load_rules("image_set")}
    with path.open("w", encoding="utf-8") as out:
        out.write("<testsuites>\n")
        for row in rows(folder, BY_RULE):
            fail, reason = row["verdict"] == "fail", row["reason"] or ""
            version = f" version {row['versionId']}" if row["versionId"] else ""
            unread = not fail and " " not in reason
            observed = "; ".join(
                f"{name} = {said(value)}"
                for name, value in row["observed"].items()
                if not (unread and value is None)
            )
            head = f"{row['title']}: {row['message']}"
            facts = [
                head,
                f"Image set: {row['target']}/{row['imageSetId']}{version}",
                f"Data store: {row['datastoreId']} ({', '.join(filter(None, (row['account'], row['region'])))})",
                f"Expected: {asked[row['rule']]}",
                f"Observed: {observed or 'nothing'}",
                f"{'First seen' if fail else 'Unknown since'}: {row['first_seen']}, in run benchmark",
                *([f"Rests on: {', '.join(row['calls'])}, of {row['collectedAt']}"] if row["calls"] else []),
                f"Policy: {row['pack']}/{row['rule']} at {row['where']}",
                f"Finding: {row['id']}",
            ]
            body, name = (
                escape("\n".join(facts), quote=False).replace('"', "&quot;"),
                f"{row['target']}/{row['imageSetId']}" + (f"@v{row['versionId']}" if row["exact"] else ""),
            )
            start = f'    <testcase classname="{row["pack"]}.{row["rule"]}" name="{name}" time="0.000">'
            message = escape(head, quote=False).replace('"', "&quot;")
            if not row["gated"]:
                below = BELOW.format(row["verdict"])
                out.write(f'{start}<skipped message="{below}">{below}\n{body}</skipped></testcase>\n')
            elif fail:
                out.write(
                    f'{start}<failure type="{row["severity"]}" message="{message}">{body}</failure></testcase>\n'
                )
            else:
                kind = reason if unread else "unknown"
                out.write(f'{start}<error type="{kind}" message="{message}">{body}</error></testcase>\n')
        out.write("</testsuites>\n")


BELOW = "below the gate: this {} of info severity does not count, because the gate counts low and above"
WRITERS: Mapping[str, Callable[[Path, Path], None]] = {"ndjson": write_ndjson, "junit": write_junit}


def digest(name: str, path: Path) -> str:
    """A sum over the findings in a report, by which the same ones are known in any order."""
    total = 0
    for file in [path, *path.parent.glob(f"{path.stem}-*{path.suffix}")]:
        text = file.read_text(encoding="utf-8")
        if name == "ndjson":
            parts = [
                json.dumps(json.loads(line)["finding"])
                for line in text.splitlines()
                if line.startswith(('{"type": "finding"', '{"type":"finding"'))
            ]
        else:
            every = re.findall(r"<testcase .*?</testcase>", text, re.DOTALL)
            parts = [part for part in every if 'classname="imageset-checker.run"' not in part]
        total += sum(int.from_bytes(hashlib.sha256(part.encode()).digest()[:8], "big") for part in parts)
    return f"{total:x}"


def in_child(who: str, name: str, folder: Path) -> Mapping[str, Any]:
    given = [sys.executable, __file__, "--child", who, name, str(folder)]
    answer: Mapping[str, Any] = json.loads(
        subprocess.run(given, check=True, capture_output=True, text=True).stdout
    )
    return answer


def child(who: str, name: str, folder: Path) -> None:
    """Writes the report once; what is measured begins when all is evaluated and imported."""
    rules = load_rules("image_set")
    if not (folder / FINDINGS).exists() or who == "ours":
        tallies = evaluate(rules, folder, AS_OF)
    path = folder / f"{who}.{name}"
    if who == "ours":
        run, options = a_run(tallies, rules, folder, ["image_set"]), Options(junit_passes="none")
        start = time.process_time()
        checker.report(run, {name: path}, options)
    else:
        start = time.process_time()
        WRITERS[name](folder, path)
    seconds = time.process_time() - start
    known = digest(name, path) if name in BY_HAND else ""
    with duckdb.connect() as connection:
        ((findings,),) = connection.execute(
            "SELECT count(*) FROM read_parquet(?)", [str(folder / FINDINGS)]
        ).fetchall()
    json.dump(
        {
            "seconds": seconds,
            "memory": peak(),
            "size": path.stat().st_size,
            "findings": findings,
            "lines": known,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        main()
