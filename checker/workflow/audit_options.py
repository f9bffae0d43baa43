"""The options of an audit: each is declared here, for the library and for the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_type_hints

from checker.model import FAIL_ON
from checker.reporting.formats import formats
from checker.reporting.report_options import USUAL_LIMIT, USUAL_WIDTH

if TYPE_CHECKING:
    from checker.config import AuditConfig

PathKind = Literal["local", "run", "report"]
"""What a path may name: a file or folder of this machine; a run or a folder of runs, which may be in S3; FORMAT=PATH."""


@dataclass(frozen=True, slots=True)
class Option:
    """How a field is given on the command line: by its own name with hyphens, unless `flags` say another. One that has no
    default is an argument. `least` is the smallest number that it takes; only whole numbers have one."""

    help: str
    metavar: str | None = None
    flags: tuple[str, ...] = ()
    paths: PathKind | None = None
    least: int | None = None
    usual: str = ""
    """What holds where neither this nor audit.yaml says otherwise, of an option that is None then."""


Config = Annotated[
    "AuditConfig | str | Path | None",
    Option("The audit's configuration [default: audit.yaml].", "FILE", ("-c", "--config"), "local"),
]
Waivers = Annotated[str | None, Option("The waivers, in place of audit.yaml's.", "FILE", paths="local")]
Rules = Annotated[Sequence[str], Option("Only this rule. Repeats.", "ID", ("--rule",))]
SkipRules = Annotated[Sequence[str], Option("Not this rule. Repeats.", "ID", ("--skip-rule",))]
Tags = Annotated[Sequence[str], Option("Only rules with this tag. Repeats.", "TAG", ("--tag",))]
ShowPhi = Annotated[bool, Option("Show DICOM attributes, which are data of patients.")]


@dataclass(frozen=True)
class EvidenceOptions:
    """What is looked at. `params` and `reports` are mappings, or texts as the command line has them: `NAME=VALUE`."""

    config: Config = None
    """audit.yaml, or its path; that of the present folder where neither it nor `policies`, `image_sets` or `evidence` is given."""
    policies: Annotated[
        Sequence[str],
        Option(
            "A policy file, a folder, or pack:NAME; with --image-sets. Repeats.",
            "POLICY",
            ("-p", "--policy"),
            "local",
        ),
    ] = ()
    image_sets: Annotated[
        Sequence[str],
        Option(
            "Recorded answers in place of AWS: files of what get-image-set or list-image-set-versions printed, or folders of "
            "them; - is standard input. Several may follow; repeats.",
            "FILE",
            paths="local",
        ),
    ] = ()
    """Files of recorded answers, in place of AWS; `complete` where they are all of their data stores."""
    complete: Annotated[
        bool,
        Option(
            "The recorded answers are of every image set of their data stores, so that those can be judged."
        ),
    ] = False
    params: Annotated[
        Mapping[str, str] | Sequence[str],
        Option(
            "A parameter's value: PARAM, PACK.PARAM or PACK/RULE.PARAM. Repeats.", "NAME=VALUE", ("--param",)
        ),
    ] = ()
    as_of: Annotated[
        datetime | str | None,
        Option("The instant ages are measured against [default: the start of the run].", "TIME"),
    ] = None
    """The instant against which ages are measured; the start of the run unless given."""
    targets: Annotated[
        Sequence[str],
        Option("Only targets, or parts of them, of this name. Repeats.", "GLOB", ("--target",)),
    ] = ()
    """Patterns of the names of targets; all unless given."""
    evidence: Annotated[
        str | None,
        Option(
            "Judge the evidence of a kept run again, without AWS: by its own policies unless -c or -p is given.",
            "RUN",
            paths="run",
        ),
    ] = None
    """A kept run whose evidence is judged again, without AWS."""


@dataclass(frozen=True)
class AuditOptions(EvidenceOptions):
    """What `check` takes: what is given here wins over audit.yaml."""

    fail_on: Annotated[
        str | None,
        Option(
            f"The least severity that the gate counts: {', '.join(FAIL_ON)} [default: low].",
            "SEVERITY",
        ),
    ] = None
    reports: Annotated[
        Mapping[str, str] | Sequence[str],
        Option(
            f"A report: {', '.join(formats('run'))}; - is standard output. Repeats.",
            "FORMAT=PATH",
            ("--report",),
            "report",
        ),
    ] = ()
    junit_passes: Annotated[
        str | None,
        Option(
            "What JUnit says of passes: full (a case each), aggregate (one for those of a rule), none, or auto: full up to 1,000 "
            "cases, aggregate above.",
            "HOW",
            usual="auto",
        ),
    ] = None
    """How JUnit shows what passed; `junit_skipped` which skipped cases it has, and `junit_for` who reads it."""
    junit_skipped: Annotated[
        str | None,
        Option(
            "Which skipped cases JUnit has: all, waived (those of waived findings), or none.",
            "WHICH",
            usual="all",
        ),
    ] = None
    junit_for: Annotated[
        str | None,
        Option(
            "Who reads JUnit: jenkins, gitlab, github, azure, or strict for whoever holds it to the schemas.",
            "READER",
            usual="strict",
        ),
    ] = None
    limit: Annotated[int, Option("How many findings the text shows.", "N", least=0)] = USUAL_LIMIT
    sort: Annotated[
        str,
        Option(
            "Which findings the text shows, and in which order: severity (the worst), age (the oldest), rule, image-set (of the "
            "worst image sets).",
            "BY",
        ),
    ] = "severity"
    rules: Rules = ()
    skip_rules: SkipRules = ()
    tags: Tags = ()
    runs: Annotated[
        str | None,
        Option("Keep the run in a folder here, or below s3://BUCKET/PREFIX.", "DIR", paths="run"),
    ] = None
    """Where the run is kept: a folder, or `s3://BUCKET/PREFIX`."""
    endpoint_url: Annotated[
        str | None, Option("HealthImaging's endpoint, for PrivateLink or a simulator.", "URL")
    ] = None
    runtime_endpoint_url: Annotated[
        str | None, Option("The endpoint of image set calls, where it is another one.", "URL")
    ] = None
    waivers: Waivers = None
    events: Annotated[
        Sequence[str],
        Option(
            "EventBridge events of deletions, as JSON Lines: earlier sightings. Repeats.",
            "FILE",
            paths="local",
        ),
    ] = ()
    """Files of deletion events."""
    new_only: Annotated[
        bool,
        Option(
            "The gate counts only fails that the baseline lacks: the last run whose gate passed, or one that was accepted."
        ),
    ] = False
    baseline: Annotated[
        str | None,
        Option(
            "The run to compare with [default: the last one; with --new-only the baseline].",
            "RUN",
            paths="run",
        ),
    ] = None
    strict_history: Annotated[
        bool, Option("Refuse to begin where a run was removed from among the kept ones.")
    ] = False
    sign: Annotated[
        str | None, Option("Sign the kept run with an Ed25519 key (PEM).", "KEY", paths="local")
    ] = None
    """The file of the private key that signs the run; `keys` are those of the public keys that earlier ones may have."""
    keys: Annotated[
        Sequence[str],
        Option(
            "A public key (PEM) that earlier runs may be signed with, beside that of --sign. Repeats.",
            "FILE",
            ("--key",),
            "local",
        ),
    ] = ()
    refresh: Annotated[
        bool, Option("Ask for every image set, also where nothing has moved since the last run.")
    ] = False
    resume: Annotated[
        str | None, Option("Go on with a kept run that was interrupted.", "RUN", paths="run")
    ] = None
    """An interrupted run that goes on."""
    show_phi: ShowPhi = False
    color: bool = False
    """Whether the text report may use the colours of a terminal; `width` is that of its lines on standard output."""
    width: int = USUAL_WIDTH


@dataclass(frozen=True, kw_only=True)
class ExplainOptions(EvidenceOptions):
    """Which rule and subject, and what is looked at."""

    rule: Annotated[str, Option("The rule's id, or PACK/RULE.", "RULE")]
    subject: Annotated[
        str,
        Option(
            "An id, ID@vN for a version, TARGET/ID as reports print it; a target's name for a rule on data stores, or for "
            "what a search may have left out of it.",
            "IMAGE_SET",
        ),
    ]
    evidence: Annotated[
        str | None, Option("A run folder: judged as the run did, without AWS.", "RUN", paths="run")
    ] = None
    show_phi: ShowPhi = False


@dataclass(frozen=True)
class PlanOptions(EvidenceOptions):
    """What is planned."""

    rules: Rules = ()
    skip_rules: SkipRules = ()
    tags: Tags = ()
    sets: Annotated[
        int | None,
        Option(
            "Image sets of a target that lists none [default: those of the last kept run].",
            "N",
            least=0,
        ),
    ] = None
    """Image sets of a target that lists none; as many as the last kept run saw unless given."""


@dataclass(frozen=True)
class WaiverCheckOptions:
    """What waivers are checked by. Without `config`, `waivers` or `policies` the audit.yaml of the present folder says it."""

    config: Config = None
    waivers: Waivers = None
    """The file; that of audit.yaml unless given."""
    policies: Annotated[
        Sequence[str],
        Option(
            "A policy file, a folder, or pack:NAME; with --waivers. Repeats.",
            "POLICY",
            ("-p", "--policy"),
            "local",
        ),
    ] = ()
    evidence: Annotated[
        str | None,
        Option("A kept run: tells which waivers cover nothing of it.", "RUN", paths="run"),
    ] = None
    """A kept run, which shows whether they are needed."""
    as_of: Annotated[datetime | str | None, Option("The instant to look at [default: now].", "TIME")] = None
    """The instant; now unless given."""
    strict: Annotated[bool, Option("Waivers that end soon count too.")] = False
    """Whether one that ends soon counts as a violation."""


def options_of(kind: type) -> dict[str, Option]:
    """The fields of a class of options that the command line has, by name."""
    # audit.yaml takes long to import, and no option is read by its type
    hints = get_type_hints(kind, localns={"AuditConfig": object}, include_extras=True)
    found = {
        name: [item for item in getattr(hint, "__metadata__", ()) if isinstance(item, Option)]
        for name, hint in hints.items()
    }
    return {field.name: option for field in fields(kind) for option in found[field.name]}
