"""An audit as an AWS Lambda function: docs/library.md says what it needs."""

import os

import checker


def handler(event: dict[str, str], context: object) -> dict[str, str | int]:
    options = checker.AuditOptions(runs=os.environ["RUNS"], fail_on=event.get("fail_on"))
    with checker.audit("audit.yaml", options) as result:
        return {"outcome": result.outcome.value, "exit_code": result.exit_code, "run": result.place}
