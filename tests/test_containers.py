"""The files of docs/containers.md: the loaders take them, and they name only what exists."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import smartmeter
import yaml
from smartmeter_cloud.config.settings_file import load
from smartmeter_gateway.config.settings_file import load as load_gateway
from smartmeter_mqtt.settings import BrokerSettings

from tools.environment.debian import Unavailable
from tools.environment.prepare import program

HOST = "meters.house.example"
CLOUD, GATEWAY = "cloud/deploy/compose.yaml", "gateway/compose.yaml"
# https://developers.home-assistant.io/docs/apps/configuration (2026): what is used of it
REQUIRED = {"name", "version", "slug", "description", "arch"}
DOCUMENTED = REQUIRED | {"startup", "uart", "map", "options", "schema"}
MAPPED = {"app_config", "ssl", "share", "data"}
SCHEMA = re.compile(r"(str|password|match\(.+\))\??")


def compose(repository: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((repository / name).read_text())
    return document


@pytest.fixture(scope="module")
def made(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the container `setup` fills it, which setup.py has done twice."""
    folder = tmp_path_factory.mktemp("settings")
    (folder / "database").mkdir()
    for _ in range(2):
        set_up(repository, HOST, folder)
    return folder


def set_up(repository: Path, host: str, folder: Path) -> None:
    source = (
        "import sys, setup; from pathlib import Path as P; "
        f"setup.make({host!r}, P('cloud.toml'), P(sys.argv[1]), P(sys.argv[2]))"
    )
    command = [sys.executable, "-c", source, str(folder), str(folder / "database")]
    subprocess.run(command, cwd=repository / "cloud/deploy", check=True)
    password = folder / "store.password"
    assert (folder / "database" / password.name).read_text() == password.read_text()


def test_a_cloud_that_runs_keeps_its_certificate(repository: Path, tmp_path: Path) -> None:
    """An invitation has the fingerprint of the page's certificate, which is read at the start."""
    (tmp_path / "database").mkdir()
    page, key = tmp_path / "authority/page.crt", tmp_path / "authority/page.key"
    found = []
    for host in (HOST, HOST, "192.0.2.1"):
        set_up(repository, host, tmp_path)
        found.append((page.read_bytes(), key.read_bytes()))
    assert found[0] == found[1]
    assert (found[1][0] == found[2][0], found[1][1] == found[2][1]) == (False, True)


def test_the_cloud_s_settings_are_taken(made: Path) -> None:
    config = load(made / "cloud.toml")
    assert config.broker is not None
    assert (config.broker.host, config.broker.port) == ("broker", 8884)
    assert (config.store.url or "").startswith("postgresql://cloud@store")
    assert config.http.url == f"https://{HOST}:8443"
    assert config.http.enrolment.broker == f"{HOST}:8883"


def test_the_broker_s_group_reads_its_key_and_not_the_ca_s(made: Path) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in (made / "authority").iterdir()}
    assert (modes["broker.key"], modes["ca.key"], modes["ingest.key"]) == (0o640, 0o600, 0o600)


@pytest.mark.parametrize("host", ["", "a b", "a/b", 'x"]', "-a", "a..b", "::1"])
def test_a_wrong_host_is_refused(repository: Path, host: str) -> None:
    setup = repository / "cloud/deploy/setup.py"
    done = subprocess.run([sys.executable, setup, host], capture_output=True, text=True)
    assert (done.returncode, "SMARTMETER_HOST must be" in done.stderr) == (1, True)


def test_ingest_and_concentrators_have_a_listener_each(repository: Path, made: Path) -> None:
    text = (repository / "cloud/deploy/mosquitto.conf").read_text()
    outside, ingest = re.findall(r"^listener (\d+)$", text, re.M)
    assert compose(repository, CLOUD)["services"]["broker"]["ports"] == [f"{outside}:{outside}"]
    config = load(made / "cloud.toml")
    assert config.broker is not None
    assert (str(config.broker.port), config.http.enrolment.broker) == (ingest, f"{HOST}:{outside}")
    named = set(re.findall(r"/etc/smartmeter-cloud/(\S+)", text))
    assert named
    assert all((made / name).is_file() for name in named)


def test_prometheus_takes_its_settings(repository: Path, tmp_path: Path) -> None:
    try:
        promtool = program("prometheus", "promtool")
    except Unavailable as why:
        pytest.skip(str(why))
    (tmp_path / "alerts.yml").write_bytes((repository / "docs/prometheus/alerts.yml").read_bytes())
    (tmp_path / "prometheus.yml").write_bytes(
        (repository / "cloud/deploy/prometheus.yml").read_bytes()
    )
    command = [promtool, "check", "config", "--syntax-only", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", [CLOUD, GATEWAY])
def test_compose_files_name_what_is_there(repository: Path, name: str) -> None:
    document = compose(repository, name)
    folder = (repository / name).parent
    services, volumes = document["services"], document["volumes"]
    for service in services.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (folder / source).exists() if source.startswith(".") else source in volumes
        if build := service.get("build"):
            assert (folder / build["context"] / build["dockerfile"]).is_file()
        assert service.get("depends_on", {}).keys() <= services.keys()


@pytest.mark.parametrize("part", ["gateway", "cloud"])
def test_images_have_a_user_a_health_check_and_no_registry(repository: Path, part: str) -> None:
    lines = (repository / part / "Containerfile").read_text().splitlines()
    assert "USER 10001:10001" in lines
    [check] = [line for line in lines if line.startswith("HEALTHCHECK")]
    [command] = re.findall(r"CMD (\[.*\])", check)
    assert json.loads(command)[1:3] == ["status", "--running"]
    sources = [line.split()[1] for line in lines if line.startswith("FROM")]
    assert sources == ["${BASE}", "${BASE}"]


def test_the_app_has_only_documented_fields(repository: Path) -> None:
    config = compose(repository, "gateway/home-assistant/config.yaml")
    assert REQUIRED <= config.keys() <= DOCUMENTED
    assert config["version"] == smartmeter.__version__
    assert set(config["arch"]) <= {"aarch64", "amd64"}
    assert config["options"].keys() == config["schema"].keys()
    assert all(SCHEMA.fullmatch(kind) for kind in config["schema"].values())
    assert all(one["type"] in MAPPED for one in config["map"])


def test_the_app_s_options_become_settings_once(repository: Path, tmp_path: Path) -> None:
    """start.py with the real `init`; `run` is what it would become."""
    options, config = tmp_path / "options.json", tmp_path / "gateway.toml"
    chosen = compose(repository, "gateway/home-assistant/config.yaml")["options"]
    chosen |= {"mqtt_user": "meter", "mqtt_password": "test-secret"}
    options.write_text(json.dumps(chosen))
    source = (
        "import os, sys, start; from pathlib import Path as P; "
        "os.execvp = lambda name, argv: (print(*argv), sys.exit(0)); "
        "start.start(P(sys.argv[1]), P(sys.argv[2]))"
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", source, str(options), str(config)],
            cwd=repository / "gateway/home-assistant",
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, "test-secret" in done.stdout + done.stderr) == (0, False)
        assert done.stdout.splitlines()[-1] == f"smartmeter-gateway run --config {config}"
        options.write_text(json.dumps(chosen | {"concentrator": "other"}))
    settings = load_gateway(config)
    assert (settings.id, settings.home is not None) == ("home", True)
    assert isinstance(settings.lan, BrokerSettings)
    assert (settings.lan.host, settings.lan.user, settings.lan.tls) == (
        "core-mosquitto", "meter", False,
    )  # fmt: skip
