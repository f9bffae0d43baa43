from __future__ import annotations

import socket
import threading
import time
from collections import Counter

import pytest
from collection.fixtures import aws_env, service
from collection.service import DATASTORE, Running, Service, answer, image_set_id

from checker import __version__
from checker.aws import (
    Access,
    Deadlines,
    RefusedActionError,
    Sessions,
    UnusableError,
    default_region,
    profile_error,
)
from checker.aws.profiles import core_session
from checker.collection.collector import Options, collect
from checker.collection.rate_limit import Limiter, StoppedError
from checker.model import ImageSetRef, Target
from checker.problems import InvalidInputError

__all__ = ["aws_env", "service"]

REGION = "us-east-1"
ROLE = "arn:aws:iam::444455556666:role/Audit"


def read(door: Sessions, access: Access = Access()) -> str:  # noqa: B008 - frozen
    clients = door.clients(access, REGION)
    clients.control.get_datastore(datastoreId=DATASTORE)
    return clients.runtime.get_image_set(datastoreId=DATASTORE, imageSetId=image_set_id(1))["versionId"]


@pytest.fixture
def door(service):
    made = Sessions()
    yield made
    made.close()


@pytest.mark.parametrize(
    "method, params",
    [
        ("delete_image_set", {"datastoreId": DATASTORE, "imageSetId": image_set_id(1)}),
        ("get_image_set_metadata", {"datastoreId": DATASTORE, "imageSetId": image_set_id(1)}),
        (
            "get_image_frame",
            {
                "datastoreId": DATASTORE,
                "imageSetId": image_set_id(1),
                "imageFrameInformation": {"imageFrameId": "a" * 32},
            },
        ),
        ("list_dicom_import_jobs", {"datastoreId": DATASTORE}),
    ],
)
def test_other_actions_are_refused_before_they_are_sent(
    service: Service, door: Sessions, method: str, params
) -> None:
    clients = door.clients(Access(), REGION)
    for client in (clients.control, clients.runtime):
        with pytest.raises(RefusedActionError, match="is not an action that the checker may call"):
            getattr(client, method)(**params)
    assert service.requests == []


def test_the_checker_names_itself(service: Service, door: Sessions) -> None:
    read(door)
    for _, _, headers in service.requests:
        assert f"imageset-checker/{__version__}" in headers["User-Agent"]
        assert "Boto3/" in headers["User-Agent"]


def test_retries_are_set_explicitly(door: Sessions) -> None:
    runtime = door.clients(Access(), REGION).runtime
    assert runtime.meta.config.retries == {"mode": "standard", "total_max_attempts": 5}
    assert runtime.meta.config.max_pool_connections == 10


def test_the_real_endpoints_have_the_prefix(aws_env) -> None:
    door = Sessions()
    clients = door.clients(Access(), "eu-west-2")
    assert clients.control.meta.endpoint_url == "https://medical-imaging.eu-west-2.amazonaws.com"
    seen = []
    clients.runtime.meta.events.register_first(
        "before-send", lambda request, **_: seen.append(request.url) or _stop()
    )
    with pytest.raises(StoppedError):
        clients.runtime.get_image_set(datastoreId=DATASTORE, imageSetId=image_set_id(1))
    assert seen[0].startswith("https://runtime-medical-imaging.eu-west-2.amazonaws.com/datastore/")
    door.close()


def _stop() -> None:
    raise StoppedError


def _config(aws_env, tmp_path, text: str) -> None:
    path = tmp_path / "aws-config"
    path.write_text(text, encoding="utf-8")
    aws_env.setenv("AWS_CONFIG_FILE", str(path))


@pytest.mark.parametrize("way", ["all", "service", "profile", "services", "argument"])
def test_one_setting_redirects_both_planes(service: Service, aws_env, tmp_path, way: str) -> None:
    aws_env.delenv("AWS_ENDPOINT_URL")
    if way in ("all", "service"):
        aws_env.setenv(
            "AWS_ENDPOINT_URL" if way == "all" else "AWS_ENDPOINT_URL_MEDICAL_IMAGING", service.url
        )
    elif way == "profile":
        _config(aws_env, tmp_path, f"[default]\nendpoint_url = {service.url}\n")
    elif way == "services":
        services = f"[services local]\nmedical_imaging =\n  endpoint_url = {service.url}\n"
        _config(aws_env, tmp_path, "[default]\nservices = local\n" + services)
    door = Sessions(endpoint_url=service.url if way == "argument" else None)
    assert read(door) == "1"
    assert len(service.requests) == 2
    door.close()


@pytest.mark.parametrize("control_too", [True, False])
def test_the_two_planes_may_have_an_endpoint_each(service: Service, control_too: bool) -> None:
    runtime = Service(sets={image_set_id(1): answer(1)})
    running = Running(runtime)
    door = Sessions(service.url if control_too else None, runtime.url)
    assert read(door) == "1"
    assert [len(item.requests) for item in (service, runtime)] == [1, 1]
    door.close()
    running.stop()


def test_a_configured_endpoint_can_be_ignored(service: Service, aws_env) -> None:
    aws_env.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    door = Sessions()
    clients = door.clients(Access(), REGION)
    assert clients.runtime.meta.endpoint_url == "https://medical-imaging.us-east-1.amazonaws.com"
    assert clients.runtime.meta.config.inject_host_prefix is True
    door.close()


def test_a_ca_bundle_and_proxies_are_honoured(service: Service, aws_env) -> None:
    aws_env.setenv("AWS_CA_BUNDLE", "bundle.pem")
    aws_env.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    door = Sessions(endpoint_url="https://127.0.0.1:2", attempts=1)
    with pytest.raises(Exception, match=r"proxy|bundle") as raised:
        read(door)
    assert "Proxy" in type(raised.value).__name__ or "bundle" in str(raised.value)
    door.close()


def test_an_endpoint_that_is_no_url_is_unusable(aws_env) -> None:
    with pytest.raises(UnusableError):
        Sessions(endpoint_url="nonsense").clients(Access(), REGION)


def test_a_profile_gives_credentials_and_region(service: Service, aws_env, tmp_path) -> None:
    aws_env.delenv("AWS_ACCESS_KEY_ID")
    text = "[profile audit]\nregion = eu-west-2\naws_access_key_id = AKIDAUDIT\naws_secret_access_key = x\n"
    _config(aws_env, tmp_path, text)
    door = Sessions()
    assert read(door, Access("audit")) == "1"
    assert all("AKIDAUDIT/" in headers["Authorization"] for _, _, headers in service.requests)
    assert default_region("audit") == "eu-west-2"
    assert default_region("nobody") is None
    with pytest.raises(UnusableError, match="no AWS credentials"):
        door.sign_in(Access(), REGION)
    door.close()


def test_the_default_region_is_that_of_the_settings(aws_env) -> None:
    assert default_region(None) is None
    aws_env.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert default_region(None) == "us-west-2"


def test_an_unknown_profile_is_named(aws_env, tmp_path) -> None:
    _config(aws_env, tmp_path, "[profile audit]\nregion = eu-west-2\n")
    assert profile_error("audit") == ("", "")
    assert profile_error("audti") == (
        "AWS's configuration files have no profile audti",
        "did you mean audit?",
    )
    aws_env.setenv("AWS_PROFILE", "adit")
    with pytest.raises(
        InvalidInputError, match="AWS_PROFILE: error: AWS's configuration files have no profile adit"
    ):
        Sessions().check(Access())


def test_a_configuration_that_is_no_ini_file_is_named(aws_env, tmp_path) -> None:
    _config(aws_env, tmp_path, "[profile audit\n")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        Sessions().check(Access())


def test_half_a_pair_of_keys_is_unusable(aws_env) -> None:
    aws_env.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(UnusableError) as raised:
        Sessions().sign_in(Access(), REGION)
    assert raised.value.code == "PartialCredentialsError"


def test_the_identity_is_asked_for_once(service: Service, door: Sessions) -> None:
    assert door.caller_identity(Access(), REGION).account == "111122223333"
    service.sts_fault = "500"
    service.requests.clear()
    identity = door.caller_identity(Access(), REGION)
    assert identity.account is None
    assert "GetCallerIdentity failed" in (identity.note or "")
    assert len(service.requests) == 1


def test_the_identity_has_a_time_limit(aws_env) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        aws_env.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        door = Sessions(deadlines=Deadlines(identity=0.2))
        assert "GetCallerIdentity" in (door.caller_identity(Access(), REGION).note or "")
        door.close()


class Log:
    """A watch that writes down what it is told."""

    def __init__(self, *, patient: bool = True) -> None:
        self.patient = patient
        self.lines: list[tuple[object, ...]] = []

    def before(self, action: str) -> None:
        self.lines.append(("before", action))

    def sent(self, action: str) -> None:
        self.lines.append(("sent", action))

    def after(self, action: str, code: str | None, status: int | None) -> bool:
        self.lines.append(("after", action, code, status))
        return self.patient


def test_a_watch_is_told_of_every_attempt_before_it_is_signed(service: Service, door: Sessions) -> None:
    service.fault = lambda name, attempt: "500" if attempt == 1 else None
    log = Log()
    runtime = door.clients(Access(), REGION, log).runtime
    runtime.meta.events.register(
        "before-sign", lambda operation_name, **_: log.lines.append(("sign", operation_name))
    )
    runtime.get_image_set(datastoreId=DATASTORE, imageSetId=image_set_id(1))
    assert log.lines == [
        ("before", "GetImageSet"), ("sign", "GetImageSet"), ("sent", "GetImageSet"),
        ("after", "GetImageSet", "InternalServerException", 500),
        ("before", "GetImageSet"), ("sign", "GetImageSet"), ("sent", "GetImageSet"),
        ("after", "GetImageSet", None, 200),
    ]  # fmt: skip


def test_a_watch_can_end_the_retries(service: Service, door: Sessions) -> None:
    service.fault = lambda name, attempt: "500"
    runtime = door.clients(Access(), REGION, Log(patient=False)).runtime
    with pytest.raises(runtime.exceptions.InternalServerException):
        runtime.get_image_set(datastoreId=DATASTORE, imageSetId=image_set_id(1))
    assert len(service.requests) == 1


# Roles, against moto's STS over HTTP.


@pytest.fixture
def simulator(aws_env):
    from checker.simulator import backend, serve

    backend("444455556666")  # made before the server's threads ask for it
    with serve() as running:
        aws_env.setenv("AWS_ENDPOINT_URL", running.url)
        yield running


def assumed():
    from moto.sts.models import sts_backends

    return sts_backends["444455556666"]["aws"].assumed_roles


def test_a_role_is_assumed_with_its_external_id(simulator) -> None:
    door = Sessions()
    access = Access(role_arn=ROLE, external_id="contract-17")
    before = len(assumed())
    identity = door.caller_identity(access, REGION)
    door.close()
    (role,) = assumed()[before:]
    assert (role.role_arn, role.external_id) == (ROLE, "contract-17")
    assert role.session_name == "imageset-checker"
    assert identity.arn == "arn:aws:sts::444455556666:assumed-role/Audit/imageset-checker"


def test_one_role_is_assumed_once_for_many_calls(simulator) -> None:
    door = Sessions()
    before = len(assumed())
    for _ in range(3):
        door.caller_identity(Access(role_arn=ROLE), REGION)
    door.close()
    assert len(assumed()) == before + 1


def test_a_role_that_is_about_to_expire_is_assumed_again(simulator, monkeypatch) -> None:
    from datetime import timedelta

    from botocore import credentials

    door, started = Sessions(), credentials._local_now()
    access = Access(role_arn=ROLE)
    before = len(assumed())
    door.caller_identity(access, REGION)
    found = door._session(access, REGION).core.get_credentials()
    later = lambda: started + timedelta(minutes=55)
    monkeypatch.setattr(found._given, "_time_fetcher", later)
    monkeypatch.setattr(credentials, "_local_now", later)
    door.caller_identity(access, REGION)
    door.close()
    assert len(assumed()) == before + 2


def test_the_account_of_a_target_is_that_of_its_role(simulator) -> None:
    records = []
    target = Target("a", REGION, DATASTORE, role_arn=ROLE, image_sets=(ImageSetRef(image_set_id(1)),))
    done = collect([target], records.append)
    # in the order of arrival, which may be either
    assert {(record.account, record.error[0]) for record in records} == {
        ("444455556666", "ResourceNotFoundException"),
        ("444455556666", "TargetUnreadable"),
    }
    assert done.calls["AssumeRole"] == 1


def test_a_role_that_is_refused_makes_the_target_unreadable(service: Service) -> None:
    service.sts_fault = "403"
    records = []
    refs = tuple(ImageSetRef(image_set_id(n)) for n in range(5))
    target = Target("a", REGION, DATASTORE, role_arn=ROLE, image_sets=refs)
    done = collect([target], records.append)
    assert {record.error[0] for record in records} == {"403"} or {record.found for record in records} == {
        None
    }
    assert len(records) == 6
    assert "GetImageSet" not in done.calls


def test_the_limiter_works_under_mock_aws(aws_env) -> None:
    from checker.simulator import register

    register()
    from moto import mock_aws

    with mock_aws():
        limiter = Limiter()
        door = Sessions()
        client = door.clients(Access(), REGION, limiter.watch("1", REGION)).control
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.get_datastore(datastoreId=DATASTORE)
        door.close()
    assert limiter.meter.calls == Counter(GetDatastore=1)


def test_a_throttling_service_loses_no_call(simulator) -> None:
    from datetime import UTC, datetime

    from checker.config import Rate
    from checker.simulator import TokenBucket, backend, seed_demo

    store = seed_demo(datetime(2026, 1, 2, tzinfo=UTC))
    rehearsal = backend().rehearsal
    rehearsal.quotas["GetImageSet"] = TokenBucket(60, 10)
    records = []
    refs = tuple(ImageSetRef(name) for name in sorted(store.image_set_ids)[:60])
    target = Target("a", REGION, store.datastore_id, image_sets=refs)
    options = Options(rates={"GetImageSet": Rate(200, 60)}, attempts=1)
    done = collect([target], records.append, options=options, stop=threading.Event())
    rehearsal.quotas.clear()
    assert len(records) == 61
    assert not [record for record in records if record.error and record.error[0] == "ThrottlingException"]
    assert done.throttled > 0
    assert done.retried == done.throttled


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles", "Etc/GMT+12"])
def test_the_first_and_the_last_instant_are_read_alike_in_every_time_zone(zone, monkeypatch):
    session = core_session(None)
    shape = session.get_service_model("medical-imaging").operation_model("GetImageSet").output_shape
    parser = session.get_component("response_parser_factory").create_parser("rest-json")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        body = b'{"createdAt": -62135596800, "updatedAt": 253402300799, "deletedAt": 1680027126.436}'
        read = parser.parse({"body": body, "headers": {}, "status_code": 200}, shape)
    finally:
        monkeypatch.undo()
        time.tzset()
    said = [read[name].isoformat() for name in ("createdAt", "updatedAt", "deletedAt")]
    assert said == [
        "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00", "2023-03-28T18:12:06.436000+00:00",
    ]  # fmt: skip
