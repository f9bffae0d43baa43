"""The caller's IAM policies, for `moto.core.enable_iam_authentication`.

moto's own check refuses the signatures of rest-json services and answers in XML, so only its policy
evaluation is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.iam.access_control import CreateAccessKeyFailure, IAMPolicy, PermissionResult, create_access_key

from .exceptions import denied

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .models import MedicalImagingBackend


def enforced() -> bool:
    """Whether policies count for this call; the first ones may be let through, as everywhere in moto."""
    if ActionAuthenticatorMixin.request_count >= settings.INITIAL_NO_AUTH_ACTION_COUNT:
        return True
    ActionAuthenticatorMixin.request_count += 1
    return False


def check_policies(
    backend: MedicalImagingBackend,
    action: str,
    params: Mapping[str, Any],
    access_key: str,
    headers: Mapping[str, str],
) -> None:
    """Refuse what the policies of the access key's user or role do not allow, on every resource of the call.

    Raises:
        ServiceError: AccessDeniedException.
    """
    try:
        key = create_access_key(backend.account_id, backend.partition, access_key, headers)
    except CreateAccessKeyFailure:
        raise denied("The security token included in the request is invalid") from None
    policies = [IAMPolicy(policy) for policy in key.collect_policies()]
    name = f"medical-imaging:{action}"
    for arn in _resources(backend, params):
        verdicts = {policy.is_action_permitted(name, arn) for policy in policies}
        if PermissionResult.DENIED in verdicts or PermissionResult.PERMITTED not in verdicts:
            raise denied(f"User: {key.arn} is not authorized to perform: {name} on resource: {arn}")


def _resources(backend: MedicalImagingBackend, params: Mapping[str, Any]) -> Iterator[str]:
    """A set's actions need both ARNs, the data store's and the set's (service authorization reference)."""
    if "resourceArn" in params:
        yield params["resourceArn"]
        return
    if "datastoreId" not in params:
        yield "*"
        return
    store = backend.arn_of(params["datastoreId"])
    yield store
    copied_to = params.get("copyImageSetInformation", {}).get("destinationImageSet", {})
    for image_set_id in (
        params.get("imageSetId"),
        params.get("sourceImageSetId"),
        copied_to.get("imageSetId"),
    ):
        if image_set_id:
            yield f"{store}/imageset/{image_set_id}"
