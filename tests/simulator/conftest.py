"""Every test that takes `connect` (or `client`, or `store`) runs twice: under mock_aws(), and over HTTP on 127.0.0.1."""

from __future__ import annotations

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_api import state_manager

from checker import simulator

from .helpers import Clock, Store

simulator.register()


def empty_moto():
    BackendDict.reset()
    reset_model_data()


@pytest.fixture(scope="package", autouse=True)
def environment(tmp_path_factory):
    none = str(tmp_path_factory.mktemp("aws") / "none")
    with pytest.MonkeyPatch.context() as patch:
        for name in (
            "AWS_PROFILE",
            "AWS_ENDPOINT_URL",
            "AWS_SESSION_TOKEN",
            "AWS_DEFAULT_REGION",
            "MOTO_ACCOUNT_ID",
        ):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_CONFIG_FILE", none)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", none)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="package")
def server(environment):
    with simulator.serve() as running:
        yield running


@pytest.fixture(scope="package")
def session(environment):
    # one for all: botocore's loader keeps the model, and reading that is most of the cost of a client
    return boto3.Session("testing", "testing", region_name="us-east-1")


@pytest.fixture(autouse=True)
def clean():
    empty_moto()
    yield
    for model in list(state_manager._transitions):
        state_manager.unset_transition(model)
    empty_moto()


@pytest.fixture(params=["in-process", "http"])
def connect(request, session):
    """Makes clients of one of the two ways in."""
    http = request.param == "http"
    extra = {"endpoint_url": request.getfixturevalue("server").url} if http else {}

    def make(service="medical-imaging", attempts=1, checks=True, **options):
        config = Config(
            inject_host_prefix=not http,
            retries={"mode": "standard", "total_max_attempts": attempts},
            parameter_validation=checks,
        )
        return session.client(service, config=config, **extra, **options)

    if http:
        yield make
    else:
        with mock_aws():
            yield make


@pytest.fixture
def client(connect):
    return connect()


@pytest.fixture
def lax_client(connect):
    """Sends what botocore itself would refuse."""
    return connect(checks=False)


@pytest.fixture
def backend(connect):
    return simulator.backend()


@pytest.fixture
def clock(backend):
    backend.clock = Clock()
    return backend.clock


@pytest.fixture
def store(client, clock):
    return Store(client, client.create_datastore(datastoreName="archive")["datastoreId"])
