"""A meter before its first reading: chosen, made, and its adapter's settings taken by provision."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cloud.api_process import Site, call
from tests.cloud.harness import reading
from tools.certificates import Authority
from tools.provision.answers import Refused, from_file

# What the Cloud cannot know: the board and the home's network.
OWN = {
    "board": "ESP32_GENERIC",
    "wifi": {"ssid": "Home"},
    "broker": {"host": "broker.example", "tls": False},
}


def test_provision_takes_what_the_cloud_gives(guarded: Site, tmp_path: Path) -> None:
    key = guarded.key("provision read", "smith")
    known = call(guarded, "GET", "v1/physicalMeters", key=key)[1]
    (kaifa,) = [m for m in known if m["id"] == "at-netz-noe-kaifa"]
    assert (kaifa["line"], kaifa["class"]) == ("2400 8E1", "ELECTRICITY")
    wanted = {"physicalMeter": kaifa["id"], "label": "Cellar"}
    status, made, _ = call(guarded, "POST", "v1/meters", wanted, key=key)
    assert (status, made["household"], made["label"]) == (201, "smith", "Cellar")
    status, config, headers = call(guarded, "GET", made["adapterConfig"], key=key)
    assert status == 200
    assert headers["Content-Disposition"].endswith(f'adapter-{made["id"]}.json"')
    assert config["CloudAuth"] == {}

    file = tmp_path / "adapter.json"
    file.write_text(json.dumps(config))
    with pytest.raises(Refused, match="wifi or a section ethernet"):
        from_file(file).checked()
    file.write_text(json.dumps(config | OWN))
    settings = from_file(file).checked().settings
    assert settings["meter"]["id"] == made["id"]
    assert settings["meter"]["line"] == "2400 8E1"
    assert settings["meter"]["zone"] == "+01:00 EU"
    assert len(settings["publish"]["values"]) == 13

    # Its first reading comes through a Concentrator of its household, and only of that.
    topic = "concentrator/{}/smartMeterMessage/" + made["id"] + "/reading"
    guarded.take(topic.format("house-2"), reading(8))
    guarded.take(topic.format("house-1"), reading(9))
    meters = {m["id"]: m for m in call(guarded, "GET", "v1/meters", key=key)[1]}
    assert meters[made["id"]]["label"] == "Cellar"
    assert meters[made["id"]]["newest"]["seq"] == 9
    (refused,) = guarded.store.refused_senders()
    assert (refused.concentrator, refused.meter) == ("house-2", made["id"])


def test_what_the_file_does_not_say_is_asked(
    site: Site, tmp_path: Path, authority: Authority
) -> None:
    made = call(site, "POST", "v1/meters", {"physicalMeter": "at-netz-noe-kaifa"})[1]
    file, secrets = tmp_path / "adapter.json", tmp_path / "secrets"
    file.write_text(json.dumps(site.api.get(made["adapterConfig"])))
    secrets.write_text("")
    secrets.chmod(0o600)
    person, board = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.provision", "--board", "/dev/null"]
        + ["--config", str(file), "--secrets", str(secrets)],
        stdin=board,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for line in ("", "Home", "", "broker.example", "", "", str(authority.certificate_path)):
        os.write(person, line.encode() + b"\n")
    said, _ = process.communicate(timeout=120)
    os.close(person)
    os.close(board)
    assert "name of the Wi-Fi" in said
    assert "host name or address of the broker" in said
    assert "the meter's line" not in said  # the Cloud has said it
    assert "board on /dev/null" in said  # all was answered


def test_every_physical_meter_makes_settings_that_are_taken(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "adapter.json"
    for known in site.api.get("v1/physicalMeters")[::5]:
        made = call(site, "POST", "v1/meters", {"physicalMeter": known["id"]})[1]
        config = site.api.get(made["adapterConfig"])
        file.write_text(json.dumps(config | OWN))
        from_file(file).checked()
        assert ("meter" in config) == (not known["answer"] and known["line"] is not None)


def test_who_may(guarded: Site) -> None:
    smith, reader = guarded.key("provision", "smith"), guarded.key("read", "smith")
    every = guarded.key("provision")
    assert call(guarded, "POST", "v1/meters", {})[0] == 401
    assert call(guarded, "POST", "v1/meters", {}, key=reader)[0] == 403
    assert call(guarded, "POST", "v1/meters", {"household": "jones"}, key=smith)[0] == 403
    assert call(guarded, "GET", "v1/meters/m1/adapterConfig", key=reader)[0] == 403
    assert call(guarded, "GET", "v1/meters/m2/adapterConfig", key=smith)[0] == 404
    assert call(guarded, "GET", "v1/meters/m1/adapterConfig", key=smith)[0] == 200
    made = call(guarded, "POST", "v1/meters", {"household": "jones"}, key=every)[1]
    assert made["household"] == "jones"
    for wrong in ({"physicalMeter": "x"}, {"label": "x" * 81}, {"id": "m9"}, {"household": "a/b"}):
        assert call(guarded, "POST", "v1/meters", wrong, key=every)[0] == 422
    for _ in range(99):
        call(guarded, "POST", "v1/meters", {"household": "jones"}, key=every)
    status, problem, _ = call(guarded, "POST", "v1/meters", {"household": "jones"}, key=every)
    assert (status, "never sent" in problem["detail"]) == (409, True)
