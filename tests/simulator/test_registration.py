"""The seams: what the simulator writes into moto, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from botocore.config import Config
from moto import backend_index, mock_aws
from moto.backends import get_backend
from moto.core.responses import ActionResult, BaseResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from checker import simulator
from checker.simulator import registration
from checker.simulator.medicalimaging.responses import MedicalImagingResponse


def test_motos_internals_are_where_the_simulator_expects_them():
    """A new moto that fails here needs another `register`; until then the extra `simulator` keeps it out."""
    name, pattern = backend_index.backend_url_patterns[0]
    assert name == "medicalimaging"
    assert pattern.match("https://runtime-medical-imaging.us-east-1.amazonaws.com")
    assert (
        DomainDispatcherApplication(create_backend_app).backend_url_patterns
        is backend_index.backend_url_patterns
    )
    assert get_backend("medicalimaging") is sys.modules["moto.medicalimaging"].medicalimaging_backends
    backend = get_backend("medicalimaging")["123456789012"]["us-east-1"]
    assert [handler.__self__ for handler in backend.urls.values()] == [MedicalImagingResponse]
    assert len(backend.flask_paths) == 1
    for inherited in (
        "_dispatch",
        "call_action",
        "parse_parameters",
        "serialized",
        "_get_action",
        "setup_class",
    ):
        assert callable(getattr(BaseResponse, inherited))
    assert ActionResult({"a": 1}).result == {"a": 1}


def test_moto_has_no_backend_of_its_own_by_now():
    """If moto gets one, compare the two and think of dropping ours."""
    before = [name for name, _ in backend_index.backend_url_patterns[1:]]
    assert not [name for name in before if "imaging" in name]


def test_registering_again_changes_nothing():
    before = list(backend_index.backend_url_patterns)
    module = sys.modules["moto.medicalimaging"]
    simulator.register()
    assert backend_index.backend_url_patterns == before
    assert sys.modules["moto.medicalimaging"] is module


@pytest.mark.parametrize(
    "options",
    [{}, {"use_dualstack_endpoint": True}, {"use_fips_endpoint": True}],
    ids=["plain", "dualstack", "fips"],
)
@pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "eu-west-2"])
def test_mock_aws_answers_under_every_name_of_the_service(session, region, options):
    with mock_aws():
        client = session.client("medical-imaging", region_name=region, config=Config(**options))
        store_id = client.create_datastore()["datastoreId"]
        assert client.search_image_sets(datastoreId=store_id)["imageSetsMetadataSummaries"] == []
        assert list(simulator.backend(region=region).datastores) == [store_id]


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = (
        "import sys, checker.simulator;"
        "print([m for m in ('moto', 'boto3', 'botocore', 'werkzeug', 'flask') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("call", ["register()", "serve()", "backend()", "seed_demo(datetime.now(UTC))"])
def test_without_moto_the_message_says_what_to_install(call):
    code = (
        "import sys; sys.modules['moto'] = None\n"
        "from datetime import datetime, UTC\n"
        "from checker.simulator import *\n"
        f"try:\n {call}\nexcept SimulatorMissingError as error:\n print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "the simulator needs moto: from a checkout of this repository, pip install '.[simulator]'"
    )


def test_without_flask_the_server_says_so_too(monkeypatch):
    monkeypatch.setitem(sys.modules, "moto.moto_server.werkzeug_app", None)
    with pytest.raises(registration.SimulatorMissingError):
        simulator.serve()


def test_an_unknown_region():
    with pytest.raises(KeyError):
        simulator.backend(region="eu-north-1")
