"""Fixtures for whatever talks to a service on this machine: no setting of the machine gets in, nothing gets out."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from collection.service import Running, Service, answer, image_set_id


@pytest.fixture
def aws_env(monkeypatch, tmp_path):
    """Static credentials, and neither files nor variables of the machine's own."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    yield monkeypatch
    settle()


def settle() -> None:
    """Waits for the threads of a run that was stopped: they would disturb the next test."""
    for thread in threading.enumerate():
        if thread.name in ("collect", "caller-identity"):
            thread.join(10)


@pytest.fixture
def service(aws_env) -> Iterator[Service]:
    """A service with 20 image sets that AWS's settings point to."""
    made = Service(sets={image_set_id(n): answer(n) for n in range(20)})
    running = Running(made)
    aws_env.setenv("AWS_ENDPOINT_URL", made.url)
    yield made
    settle()
    running.stop()
