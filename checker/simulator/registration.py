"""Makes moto serve `medical-imaging`, which it does not know by itself.

moto has no way in for backends of others (getmoto/moto#7126), so this writes into two of its internals: the
list of URL patterns, which `mock_aws()` and the server share, and the module name `moto.medicalimaging`,
which `moto.backends.get_backend` imports. A test fails when either of them moves.
"""

from __future__ import annotations

import re
import sys

NAME = "medicalimaging"
"""moto's name for the service: boto3's without hyphens."""


class SimulatorMissingError(Exception):
    """The simulator's dependencies are not installed."""

    def __init__(self) -> None:
        super().__init__(
            "the simulator needs moto: from a checkout of this repository, pip install '.[simulator]'"
        )


def register() -> None:
    """Make `mock_aws()` and moto's server of this process serve the simulator.

    May be called any number of times. Call it before `mock_aws()` starts.

    Raises:
        SimulatorMissingError: moto is not installed.
    """
    try:
        from moto import backend_index
    except ImportError as error:
        raise SimulatorMissingError from error
    from . import medicalimaging
    from .medicalimaging.urls import url_bases

    sys.modules[f"moto.{NAME}"] = medicalimaging
    # in place, because everyone holds the same list; first, because some of moto's own patterns are wide
    if all(name != NAME for name, _ in backend_index.backend_url_patterns):
        backend_index.backend_url_patterns[:0] = [(NAME, re.compile(base)) for base in url_bases]
