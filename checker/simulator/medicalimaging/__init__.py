"""AWS HealthImaging (`medical-imaging` in boto3) as a backend of moto, in the layout that moto expects."""

from __future__ import annotations

from .models import medicalimaging_backends

__all__ = ["medicalimaging_backends"]
