"""A server of image sets without end, for rehearsals at the service's own pace.

moto answers some 300 calls a second and keeps every image set in memory. This server reads no more than the checker
asks for: its image sets are functions of a seed and a number, so a data store of millions costs nothing until it is
searched. It knows quotas, latency, faults (also below HTTP), IAM policies and data stores that change, and it counts
the calls. It needs neither moto nor werkzeug.

`serve_load` starts it in a thread of this process, `python -m load_server` in a process of its own.
"""

from __future__ import annotations

from .faults import Quotas, WireFault
from .server import RunningLoad, serve_load
from .service import LoadService
from .store import Change, ImageSet, SyntheticStore

__all__ = [
    "Change",
    "ImageSet",
    "LoadService",
    "Quotas",
    "RunningLoad",
    "SyntheticStore",
    "WireFault",
    "serve_load",
]
