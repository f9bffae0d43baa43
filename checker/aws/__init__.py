"""The only door to boto3: sessions, clients, endpoints, and the actions that the checker may call.

boto3 and botocore are imported inside functions: they take 150 ms.
"""

from checker.aws.access import Access, Clients, Identity
from checker.aws.clients import ATTEMPTS, Sessions
from checker.aws.credentials import UnusableError
from checker.aws.deadlines import DEADLINES, Deadlines
from checker.aws.guard import OddAnswerError, RefusedActionError, Watch
from checker.aws.profiles import default_region, exceptions, profile_error
from checker.aws.s3 import S3Error, object_bytes, object_names, s3_errors, save_object
from checker.aws.transport import is_oversize

__all__ = [
    "ATTEMPTS",
    "DEADLINES",
    "Access",
    "Clients",
    "Deadlines",
    "Identity",
    "OddAnswerError",
    "RefusedActionError",
    "S3Error",
    "Sessions",
    "UnusableError",
    "Watch",
    "default_region",
    "exceptions",
    "is_oversize",
    "object_bytes",
    "object_names",
    "profile_error",
    "s3_errors",
    "save_object",
]  # fmt: skip
