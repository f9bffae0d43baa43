"""What waivers are held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from checker.config.audit import AuditConfig
from checker.model import LONGEST, Duration, Severity

RECORDED = "recorded"


@dataclass(frozen=True, slots=True)
class WaiverLimits:
    """What waivers are held to: how long one may last by severity, and the severities that audit.yaml changed, by rule.
    `targets` are the names there are; None where they are not known. Of `divided` ones only parts are judged, which are
    called NAME/PART."""

    longest: Mapping[Severity, Duration] = field(default_factory=lambda: LONGEST)
    severities: Mapping[str, Severity] = field(default_factory=dict)
    targets: tuple[str, ...] | None = None
    divided: tuple[str, ...] = ()


def limits_of(config: AuditConfig) -> WaiverLimits:
    """What an audit holds its waivers to."""
    severities = {override.rule: override.severity for override in config.rules if override.severity}
    names = tuple(name for target in config.targets if not target.found_later for name in target.names)
    divided = tuple(target.name for target in config.targets if target.found_later)
    # recorded answers are a target of this name, whatever audit.yaml lists
    return WaiverLimits(config.longest, severities, (*names, RECORDED), divided)
