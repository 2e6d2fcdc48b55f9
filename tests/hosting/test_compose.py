"""compose.yaml and the proxy's configuration: their limits hold, and they agree."""

import asyncio
import re
from collections import Counter
from urllib.parse import urlsplit

import pytest
import yaml

from pds.files.shipped import ROOT
from pds.limits import BODY_SECONDS, IDLE_SECONDS, MAX_BROUGHT_BYTES, MAX_STREAMS
from tests.support.container_image import instructions
from tests.support.loops import run
from tests.support.proxies import NGINX as INSTALLED
from tests.support.proxies import nginx

NGINX = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
DOCKERFILE = instructions()
CLASS, CONNECTIONS = 30, 6
"""Visitors behind one address, and connections that a browser opens to one host."""


def loaded(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def compose():
    return loaded("compose.yaml")


@pytest.fixture(scope="module", params=["pds", "proxy"])
def service(request, compose):
    return compose["services"][request.param]


def values(directive):
    """The values of each occurrence of a directive of nginx."""
    return re.findall(rf"^\s*{directive}\s+(.+?);", NGINX, re.MULTILINE)


def test_the_file_is_of_the_present_specification(compose):
    assert set(compose) == {"services", "networks"}  # `version` is obsolete
    assert set(compose["services"]) == {"pds", "proxy"}


def test_no_service_has_more_rights_than_it_needs(service):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"


def test_the_page_has_the_memory_and_the_folder_that_it_needs(compose):
    page = compose["services"]["pds"]
    assert page["mem_limit"] == page["memswap_limit"] == "4g"
    (scratch,) = page["tmpfs"]
    user = DOCKERFILE["USER"]
    assert scratch.startswith(f"/scratch:uid={user},")
    assert user != "0"


def test_only_the_proxy_is_reached_from_outside(compose):
    page, proxy = compose["services"]["pds"], compose["services"]["proxy"]
    assert "ports" not in page
    assert page["networks"] == ["inside"]
    assert compose["networks"]["inside"] == {"internal": True}
    (port,) = (mapping.split(":")[-1] for mapping in proxy["ports"])
    assert values("listen") == [port]


def test_what_is_mounted_is_there(compose):
    (mount,) = compose["services"]["proxy"]["volumes"]
    source, target, mode = mount.split(":")
    assert (ROOT / source).is_file()
    assert (target, mode) == ("/etc/nginx/nginx.conf", "ro")


def test_the_proxy_writes_to_its_scratch_folder_only(compose):
    (scratch,) = compose["services"]["proxy"]["tmpfs"]
    paths = [path for name in ("pid", r"\w+_temp_path") for path in values(name)]
    assert len(paths) == 6
    assert all(path.startswith(scratch.partition(":")[0] + "/") for path in paths)


def test_the_proxy_waits_for_a_page_that_is_well(compose):
    waits = compose["services"]["proxy"]["depends_on"]["pds"]
    assert waits["condition"] == "service_healthy"
    assert "/healthz" in DOCKERFILE["HEALTHCHECK"]


def test_the_proxy_finds_the_page_at_the_container_s_port():
    environment = DOCKERFILE["ENV"]
    (port,) = re.findall(r"GRADIO_SERVER_PORT=(\d+)", environment)
    assert re.findall(r"set \$page (\S+);", NGINX) == [f"pds:{port}"]


def test_proxy_page_and_health_check_agree_on_the_path(compose):
    path = compose["services"]["pds"]["environment"]["GRADIO_ROOT_PATH"]
    assert {place.split("/")[1] for place in values("return 30[12]")} == {path.strip("/")}
    assert re.findall(r"location (/\w+)/", NGINX) == [path, path]
    assert compose["services"]["proxy"]["healthcheck"]["test"][-1].endswith(f"{path}/healthz")


def test_the_proxy_takes_the_largest_request_and_no_larger_one():
    assert values("client_max_body_size") == [str(MAX_BROUGHT_BYTES)]
    assert values("client_body_timeout") == [f"{BODY_SECONDS}s"]


def test_the_proxy_holds_no_stream_back_and_waits_as_long_as_a_visit_may_be_idle():
    assert values("proxy_buffering") == ["off"]
    (hours,) = values("proxy_read_timeout")
    assert int(hours.removesuffix("h")) * 3600 >= IDLE_SECONDS


def test_a_class_behind_one_address_stays_below_the_limits_of_an_address():
    (connections,) = (int(value.split()[1]) for value in values("limit_conn"))
    assert connections >= CLASS * CONNECTIONS
    (limit,) = (dict(re.findall(r"(\w+)=(\w+)", value)) for value in values("limit_req"))
    assert int(limit["delay"]) >= CLASS
    assert int(limit["burst"]) >= CLASS * MAX_STREAMS


async def called(address, count):
    """The statuses of calls that are sent at once."""
    place = urlsplit(address)
    request = f"POST {place.path}/gradio_api/reset HTTP/1.1\r\nHost: {place.netloc}\r\n"

    async def call():
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(f"{request}Connection: close\r\nContent-Length: 0\r\n\r\n".encode())
        status = (await reader.readline()).split()[1]
        writer.close()
        return int(status)

    return Counter(await asyncio.gather(*(call() for _ in range(count))))


@pytest.fixture(scope="module")
def before_nothing():
    """The address of nginx before a page that is not there: what passes it is answered 502."""
    if not INSTALLED:
        pytest.skip("nginx is not installed")
    with nginx("http://127.0.0.1:9", prefix="/pds") as address:
        yield address


def test_the_calls_of_a_class_at_once_pass(before_nothing):
    count = CLASS * MAX_STREAMS
    assert run(called(before_nothing, count)) == {502: count}


@pytest.mark.slow
def test_of_a_flood_from_one_address_most_is_refused(before_nothing):
    statuses = run(called(before_nothing, 800))
    assert statuses.keys() == {429, 502}
    # The burst of 300, and what the rate lets through in four seconds of a busy machine.
    assert statuses[502] <= 500


def test_the_how_to_names_the_limits_of_an_address():
    (connections,) = (value.split()[1] for value in values("limit_conn"))
    (limit,) = (dict(re.findall(r"(\w+)=(\w+)", value)) for value in values("limit_req"))
    (rate,) = re.findall(r"rate=(\d+)r/s", NGINX)
    later = int(limit["burst"]) - int(limit["delay"])
    text = (ROOT / "docs" / "howto" / "hosting.md").read_text(encoding="utf-8")
    assert f"| {connections} |" in text
    assert f"| {rate} a second; {limit['delay']} more at once, {later} more that wait" in text


def test_with_gpus_the_image_has_the_wheels_for_them_and_sees_all():
    page = loaded("deploy/gpu.yaml")["services"]["pds"]
    assert page["build"]["args"] == {"TORCH_FROM": ""}
    (devices,) = page["deploy"]["resources"]["reservations"]["devices"]
    assert devices == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
