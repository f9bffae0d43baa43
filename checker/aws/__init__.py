"""The only door to boto3: sessions, clients, endpoints, and the actions that the checker may call.

boto3 and botocore are imported inside functions: they take 150 ms.
"""

from checker.aws.access import Access, Clients, Identity
from checker.aws.clients import ATTEMPTS, Door
from checker.aws.credentials import UnusableError
from checker.aws.deadlines import DEADLINES, Deadlines
from checker.aws.guard import OddAnswerError, RefusedActionError, Watch
from checker.aws.profiles import default_region, exceptions, why_no_profile
from checker.aws.s3 import S3Error, asking, content, names, save
from checker.aws.transport import is_oversize

__all__ = [
    "ATTEMPTS", "DEADLINES", "Access", "Clients", "Deadlines", "Door", "Identity", "OddAnswerError", "RefusedActionError",
    "S3Error", "UnusableError", "Watch", "asking", "content", "default_region", "exceptions", "is_oversize", "names", "save",
    "why_no_profile",
]  # fmt: skip
