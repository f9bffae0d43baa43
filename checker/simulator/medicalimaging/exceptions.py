"""Refusals of the service. The HTTP status of each code is in botocore's model: only code and text are here."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class ServiceError(ServiceException):  # type: ignore[misc]
    """An error answer: a code of the model and a text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)


def conflict(message: str) -> ServiceError:
    """409: the image set or data store is not in a state that allows the call."""
    return ServiceError("ConflictException", message)


def denied(message: str) -> ServiceError:
    """403: the caller's policies do not allow the call."""
    return ServiceError("AccessDeniedException", message)


def invalid(message: str) -> ServiceError:
    """400: the request itself is wrong."""
    return ServiceError("ValidationException", message)


def not_found(message: str) -> ServiceError:
    """404: there is no such data store, image set, version or resource."""
    return ServiceError("ResourceNotFoundException", message)
