"""audit.yaml -> AuditConfig: what to audit, how to reach it, what gates it, and every problem in that at once."""

from checker.config.audit import AuditConfig, Rate, TargetConfig
from checker.config.labels import resolve_targets
from checker.config.load import load, named_policies

__all__ = ["AuditConfig", "Rate", "TargetConfig", "load", "named_policies", "resolve_targets"]
