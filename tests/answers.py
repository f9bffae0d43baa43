"""Answers to GetImageSet as the AWS CLI prints them, for tests that need some and care little what else is in them."""

from __future__ import annotations

from typing import Any

STORE = "0123456789abcdef0123456789abcdef"


def image_set_id(number: int) -> str:
    """An image set's id."""
    return f"{number:032x}"


def answer(image_set_id: str, **members: Any) -> dict[str, Any]:
    """The answer on an image set that is in order, unless these members say otherwise."""
    return {
        "datastoreId": STORE,
        "imageSetId": image_set_id,
        "versionId": "1",
        "imageSetState": "ACTIVE",
        "imageSetWorkflowStatus": "CREATED",
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": "2026-01-01T00:00:00Z",
        **members,
    }


def failure(image_set_id: str, code: str = "AccessDeniedException", message: str = "no") -> dict[str, Any]:
    """What is recorded of an image set that could not be read."""
    return {"datastoreId": STORE, "imageSetId": image_set_id, "error": {"code": code, "message": message}}
