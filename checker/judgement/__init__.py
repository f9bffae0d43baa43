"""Findings to an outcome: what a gate makes of a run."""
