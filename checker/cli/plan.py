"""`plan`: what a check would ask of AWS. Nothing is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from checker import api
from checker.cli.console import print_line, print_warnings
from checker.problems import Problem


def run(asked: api.PlanOptions, *, as_json: bool, policy: bool, out: str | None) -> int:
    """Prints the plan; 0 whatever it is."""
    # who asks what to permit may not be permitted yet to read runs
    found = api.plan_collection(asked, alone=policy or out is not None, warn=print_warnings)
    if out is not None:
        _write(found.documents, Path(out))
    elif policy:
        only = next(iter(found.documents.values())) if len(found.documents) == 1 else found.documents
        print_line(api.json_text(only, indent=2))
        print_warnings(_unfit(found.documents))
    else:
        print_line(api.render(found, "json" if as_json else "text"))
    return 0


def _write(documents: Mapping[str, Any], folder: Path) -> None:
    """A file for each set of credentials, several where IAM would not take one."""
    for who, name in api.policy_file_names(documents).items():
        for number, part in enumerate(api.split_policy(documents[who]), start=1):
            path = folder / (f"{name}.json" if number == 1 else f"{name}-{number}.json")
            api.write_text(path, api.json_text(part, indent=2) + "\n")
            print_line(f"wrote {path.as_posix()}: what IAM must permit {who}")


def _unfit(documents: Mapping[str, Any]) -> Iterator[Problem]:
    """Why what `--policy` prints is none that IAM takes as it is."""
    hint = "--out DIR writes files that IAM takes"
    if len(documents) > 1:
        message = f"there are {len(documents):,} sets of credentials: a policy for each, by name"
        yield Problem("--policy", message, hint, warning=True)
    elif any(len(list(api.split_policy(document))) > 1 for document in documents.values()):
        message = f"the policy has more than the {api.LARGEST_POLICY:,} characters of a managed policy"
        yield Problem("--policy", message, hint, warning=True)
