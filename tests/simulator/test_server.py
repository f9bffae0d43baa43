from __future__ import annotations

import errno
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from checker import simulator
from checker.cli import main

from .helpers import ACCOUNT, REGION, T0


def reset(url):
    with urllib3.PoolManager() as pool:
        return pool.request("POST", f"{url}/moto-api/reset", retries=False).status


def test_it_answers_until_it_is_stopped_and_says_nothing(capfd):
    with simulator.serve() as running:
        assert running.host == "127.0.0.1"
        assert running.url == f"http://127.0.0.1:{running.port}"
        assert reset(running.url) == 200
    with pytest.raises(urllib3.exceptions.HTTPError):
        reset(running.url)
    running.stop()
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_verbose_logs_requests(caplog):
    caplog.set_level("INFO", logger="werkzeug")
    with simulator.serve() as running:
        reset(running.url)
    assert caplog.text == ""
    with simulator.serve(verbose=True) as running:
        reset(running.url)
    assert "POST /moto-api/reset" in caplog.text


def test_a_port_that_is_taken_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError) as caught:
        simulator.serve(port=other.getsockname()[1])
    assert caught.value.errno == errno.EADDRINUSE


def test_wait_ends_when_someone_stops_it():
    running = simulator.serve()
    waiting = threading.Thread(target=running.wait)
    waiting.start()
    running.stop()
    waiting.join(10)
    assert not waiting.is_alive()


def connect(session, url):
    return session.client("medical-imaging", endpoint_url=url, config=Config(inject_host_prefix=False))


def test_two_servers_show_the_same_service(session, server):
    with simulator.serve() as second:
        first, other = (connect(session, url) for url in (server.url, second.url))
        store_id = first.create_datastore()["datastoreId"]
        assert other.get_datastore(datastoreId=store_id)["datastoreProperties"]["datastoreStatus"] == "ACTIVE"


def test_of_many_writers_at_once_one_wins(session, server):
    client = connect(session, server.url)
    store_id = client.create_datastore()["datastoreId"]
    image_set = simulator.put_image_set(ACCOUNT, REGION, store_id, created_at=T0)

    def write(_):
        try:
            client.update_image_set_metadata(
                datastoreId=store_id,
                imageSetId=image_set,
                latestVersionId="1",
                updateImageSetMetadataUpdates={"revertToVersionId": "1"},
            )
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "done"

    with ThreadPoolExecutor(8) as pool:
        results = sorted(pool.map(write, range(24)))
    assert results == ["ConflictException"] * 23 + ["done"]
    versions = client.list_image_set_versions(datastoreId=store_id, imageSetId=image_set)
    assert len(versions["imageSetPropertiesList"]) == 2


@pytest.mark.parametrize("port", ["99999", "65536", "-1", "http"])
def test_a_port_that_cannot_be_is_invalid_input(capsys, port):
    assert main(["simulator", "--port", port]) == 2
    assert "--port" in capsys.readouterr().err
