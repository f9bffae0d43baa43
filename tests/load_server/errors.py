"""Refusals, with the HTTP statuses of botocore's model."""

from __future__ import annotations

from functools import cache


class RefusedError(Exception):
    """An error answer of the service: a code and a text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def invalid(message: str) -> RefusedError:
    """400: the request itself is wrong."""
    return RefusedError("ValidationException", message)


def not_found(message: str) -> RefusedError:
    """404: there is no such data store, image set or version."""
    return RefusedError("ResourceNotFoundException", message)


@cache
def _statuses() -> dict[str, int]:
    # imported here: what needs no error starts without botocore
    from botocore.session import get_session

    model = get_session().get_service_model("medical-imaging")
    known = {shape.name: int(shape.metadata["error"]["httpStatusCode"]) for shape in model.error_shapes}
    return known | {"NotSimulated": 501}


def status_of(code: str) -> int:
    """The HTTP status of an error; 400 for one that the model does not have."""
    return _statuses().get(code, 400)
