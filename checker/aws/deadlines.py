"""How long the service may take, and how much it may send."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Bounds of a call, in seconds but for `size`.

    `connect` is for a connection, `answer` for all of an answer once the request is sent (None: `read` alone bounds it),
    `read` for any piece of one; after `call` seconds of waiting for answers no further attempt is made. `size` is the most
    bytes of an answer (None: any). Each `slowest` bytes that came give an answer one more second (None: none does).
    `identity` bounds GetCallerIdentity, `credentials` all that it takes to get credentials: a person may have to type a
    code.
    """

    connect: float = 5.0
    answer: float | None = 30.0
    read: float = 30.0
    call: float = 60.0
    size: int | None = 8 << 20
    slowest: int | None = None
    identity: float = 5.0
    credentials: float = 110.0


DEADLINES = Deadlines()
"""The largest answer is a page of 50 image sets with their DICOM attributes: well below a megabyte."""
S3_DEADLINES = Deadlines(slowest=32 << 10)
"""A page of 1,000 names of S3 has about a megabyte."""
OBJECT_DEADLINES = Deadlines(size=None, slowest=32 << 10)
"""S3 gives files of any size, which their reader bounds."""
UPLOAD_DEADLINES = Deadlines(answer=600.0, read=120.0, call=600.0)
"""S3 answers a large upload only once it has stored it, and one that broke off is worth another."""
