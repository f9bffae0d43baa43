"""From an HTTP request to an HTTP answer: moto parses and serializes by botocore's model, the rest is ours."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse
from moto.utilities.aws_headers import gen_amzn_requestid_long

from checker.simulator.faults import Call, RawAnswer

from .actions import HANDLERS
from .authorization import check_policies, enforced
from .exceptions import ServiceError, invalid
from .models import REGIONS, MedicalImagingBackend, medicalimaging_backends
from .validate import SERVICE, check_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

HttpAnswer = tuple[int, dict[str, str], str | bytes]

NOT_SIMULATED = 501
"""Answered for the rest of the model. botocore retries 500, 502, 503 and 504, and leaves this one alone."""


class MedicalImagingResponse(BaseResponse):  # type: ignore[misc]
    """Answers one request."""

    # moto's own knows amazonaws.com alone, not the dual-stack names
    region_regex = re.compile(r"medical-imaging(?:-fips)?\.(?P<region>[^.]+)\.(?:amazonaws\.com|api\.aws)")

    def __init__(self) -> None:
        super().__init__(service_name=SERVICE)
        self.automated_parameter_parsing = True
        self.params: dict[str, Any] = {}
        self.malformed = False

    def parse_parameters(self, request: Any) -> None:
        try:
            super().parse_parameters(request)
        except (ValueError, TypeError, AttributeError, KeyError):
            # moto's parser assumes a well-formed request, and its exceptions would end as a page of HTML
            self.malformed = True

    def call_action(self) -> HttpAnswer:
        try:
            answer = self._answer(self._get_action())
        except ServiceException as error:
            answer = self.serialized(ActionResult(error))
        status, headers, body = answer
        gen_amzn_requestid_long(headers)
        return status, headers, body

    def _answer(self, action: str | None) -> HttpAnswer:
        if action is None:
            return self._plain_error(
                404, "UnknownOperationException", f"No action: {self.method} {self.path}"
            )
        if self.region not in REGIONS:
            raise invalid(f"The service is not in {self.region}, but in {', '.join(REGIONS)}")
        backend: MedicalImagingBackend = medicalimaging_backends[self.current_account][self.region]
        delay, rehearsed = backend.rehearsal.receive(Call(action, dict(self.params)))
        if delay:
            time.sleep(delay)
        if isinstance(rehearsed, RawAnswer):
            return rehearsed.status, dict(rehearsed.headers), rehearsed.body
        if rehearsed is not None:
            raise ServiceError(rehearsed.code, rehearsed.message)
        # after the record, so that a test can prove that such a call was not even tried
        if action not in HANDLERS:
            known = ", ".join(HANDLERS)
            return self._plain_error(
                NOT_SIMULATED, "NotSimulated", f"{action} is not simulated; these are: {known}"
            )
        return self._perform(backend, action)

    def _perform(self, backend: MedicalImagingBackend, action: str) -> HttpAnswer:
        if enforced():
            check_policies(backend, action, self.params, self.access_key, self.headers)
        if self.malformed:
            raise invalid("The request cannot be parsed")
        check_parameters(action, self.params)
        with backend.lock:
            members = HANDLERS[action](backend, self.params)
        return self._serialized(members)

    def _serialized(self, members: Mapping[str, Any]) -> HttpAnswer:
        status, headers, body = self.serialized(ActionResult(members))
        return status, headers, body

    def _plain_error(self, status: int, code: str, message: str) -> HttpAnswer:
        headers = {**self.response_headers, "x-amzn-errortype": code, "Content-Type": "application/json"}
        return status, headers, json.dumps({"message": message})
