"""A simulated AWS HealthImaging, for the demo, the tests and rehearsals: a backend of moto, outside moto.

`register` makes `moto.mock_aws()` answer boto3's `medical-imaging` calls in this process; `serve` answers
them over HTTP. What the API cannot make (old timestamps, failed copies, sets that stay locked) comes in
through the back door, `put_datastore` and `put_image_set`; `backend(...).rehearsal` throttles, breaks and
records calls; `seed_demo` fills a data store in which every rule finds something.

It is no authority on the real service. Where AWS documents nothing, the place in the code says "assumption".
moto is imported by the functions, not by this package.
"""

from __future__ import annotations

from .faults import (
    ANY_ACTION,
    DOCUMENTED_QUOTAS,
    Call,
    Fault,
    ModelError,
    RawAnswer,
    Rehearsal,
    TokenBucket,
)
from .registration import SimulatorMissingError, register
from .sample_data import SEEDS, DemoImageSet, DemoStore, change_demo, seed_demo
from .server import RunningSimulator, serve
from .state_setup import (
    DEFAULT_ACCOUNT,
    DEFAULT_REGION,
    PlacedDatastore,
    PlacedVersion,
    backend,
    put_datastore,
    put_image_set,
)

__all__ = [
    "ANY_ACTION",
    "DEFAULT_ACCOUNT",
    "DEFAULT_REGION",
    "DOCUMENTED_QUOTAS",
    "SEEDS",
    "Call",
    "DemoImageSet",
    "DemoStore",
    "Fault",
    "ModelError",
    "PlacedDatastore",
    "PlacedVersion",
    "RawAnswer",
    "Rehearsal",
    "RunningSimulator",
    "SimulatorMissingError",
    "TokenBucket",
    "backend",
    "change_demo",
    "put_datastore",
    "put_image_set",
    "register",
    "seed_demo",
    "serve",
]
