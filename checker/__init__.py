"""A compliance checker for AWS HealthImaging."""

__version__ = "0.1.0"
