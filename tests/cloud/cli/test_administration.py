"""init, check, migrate, export and status, as a user types them."""

import csv
import datetime
import io
import json
import re
import sqlite3
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from cryptography import x509
from smartmeter_cloud.cli import main
from smartmeter_cloud.config.settings_file import load
from smartmeter_cloud.history import bulk
from smartmeter_cloud.store import query
from smartmeter_cloud.store.sqlite import SqliteStore

from tests.cloud.conftest import Cloud
from tests.cloud.harness import Process, eventually, reading
from tests.cloud.store.test_rollups import at
from tests.cloud.stores import add
from tools.certificates import Authority
from tools.environment.mosquitto import Mosquitto, free_port
from tools.environment.postgresql import Postgres

NOWHERE = "[broker]\ntls = false\nport = 1\n"


def typed(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of smartmeter-cloud with these arguments."""
    status = main.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return status, out, err


def settings(folder: Path, text: str = NOWHERE) -> Path:
    path = folder / "cloud.toml"
    path.write_text(text)
    return path


# init


def test_init_without_a_terminal_takes_the_defaults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new" / "cloud.toml"
    status, out, _ = typed(capsys, "init", "--config", path)
    assert (status, str(path) in out) == (0, True)
    made = load(path)
    assert made.own_broker is not None
    secret = path.parent / "broker.password"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert made.own_broker.users == {"concentrator": secret.read_text().strip()}
    assert secret.read_text().strip() not in path.read_text() + out
    assert "# " in path.read_text()
    before = path.read_text()
    status, _, err = typed(capsys, "init", "--config", path)
    assert (status, "--force" in err, path.read_text()) == (1, True, before)
    assert typed(capsys, "init", "--config", path, "--force")[0] == 0


def test_init_takes_answers_and_secrets_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, given = tmp_path / "cloud.toml", tmp_path / "given"
    given.write_text("broker.password=test-secret-1\nstore.password = test-secret-2\n")
    answers = [
        "broker.host=broker.example", "broker.user=cloud", "broker.group=ingest",
        "store.url=postgresql://cloud@db.example/meters", "store.time_zone=Europe/Vienna",
        "store.keep_readings=90", "http.port=8443",
    ]  # fmt: skip
    named = [part for answer in answers for part in ("--set", answer)]
    status, out, err = typed(capsys, "init", "--config", path, *named, "--secrets", given)
    assert status == 0, err
    made = load(path)
    assert made.broker is not None
    assert (made.broker.host, made.broker.password) == ("broker.example", "test-secret-1")
    assert (made.broker.tls, made.broker.group) == (True, "ingest")
    assert (made.store.password, made.store.retention.readings) == ("test-secret-2", 90)
    assert made.http.port == 8443
    assert "test-secret" not in path.read_text() + out + err


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("store.keep_readings=1", "store.keep_readings must be days from 2"),
        ("broker.prot=1", "broker.prot is not one of the questions, which are broker."),
        ("broker.port", "an answer is given as NAME=VALUE"),
        ('store.path=a"b', "use plain characters"),
    ],
)
def test_init_with_a_wrong_answer_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: str, sentence: str
) -> None:
    path = tmp_path / "cloud.toml"
    status, _, err = typed(capsys, "init", "--config", path, "--set", answer)
    assert (status, sentence in err) == (1, True), err
    assert list(tmp_path.iterdir()) == []


def test_init_for_the_network_makes_the_certificates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cloud.toml"
    answers = ["broker.listen=0.0.0.0", "http.host=0.0.0.0", "http.name=cloud.example"]
    named = [part for answer in answers for part in ("--set", answer)]
    status, _, err = typed(capsys, "init", "--config", path, *named)
    assert status == 0, err
    made = load(path)
    assert made.own_broker is not None
    assert made.own_broker.client_ca == tmp_path / "authority" / "ca.crt"
    assert not made.http.is_open
    assert made.http.certificate is not None
    for file in (made.own_broker.certificate, made.http.certificate):
        assert file is not None
        found = x509.load_pem_x509_certificate(file.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert {"cloud.example", "localhost"} <= set(names.get_values_for_type(x509.DNSName))
    proxied = tmp_path / "proxied" / "cloud.toml"
    behind = ("--set", "http.host=0.0.0.0", "--set", "http.certificate=none")
    assert typed(capsys, "init", "--config", proxied, *behind)[0] == 0
    assert (load(proxied).http.certificate, load(proxied).http.is_open) == (None, False)


# check


def test_check_says_line_by_line_what_is_right(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = typed(capsys, "check", "--config", cloud.config)
    lines = out.splitlines()
    assert status == 0, out
    assert all(line.startswith("ok ") for line in lines[:-1])
    assert lines[-1].startswith("all is right; next: smartmeter-cloud serve")
    for words in (
        "GB free",
        "tables will be created",
        "connected (without TLS, MQTT 5)",
        "concentrator/# can be read",
        "receipts can be written",
        "refusals can be written",
        "free to listen",
    ):
        assert sum(words in line for line in lines) == 1, out
    assert not cloud.path.exists()
    cloud.broker.stop()
    SqliteStore(cloud.path).close()
    status, out, _ = typed(capsys, "check", "--config", cloud.config)
    assert (status, "WRONG  broker" in out, "nothing listens there" in out) == (1, True, True)
    assert "schema" in out


def test_check_finds_what_the_broker_does_not_allow(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto], capsys: pytest.CaptureFixture[str]
) -> None:
    broker = mosquitto(
        users={"cloud": "test-secret"}, rules=["user cloud", "topic read concentrator/#"]
    )
    password = tmp_path / "password"
    password.write_text("test-secret")
    password.chmod(0o600)
    text = f'[broker]\nport = {broker.port}\ntls = false\nuser = "cloud"\n'
    path = settings(tmp_path, text + 'password_file = "password"\n[http]\nport = 0\n')
    status, out, _ = typed(capsys, "check", "--config", path)
    assert status == 1
    assert "receipts can NOT be written" in out
    assert "refusals can NOT be written" in out
    assert "test-secret" not in out
    password.write_text("wrong")
    status, out, _ = typed(capsys, "check", "--config", path)
    assert status == 1
    assert "WRONG  broker localhost" in out, out


def test_check_looks_at_certificates(
    tmp_path: Path, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate, key = authority.issue("page", ("localhost",), datetime.timedelta(days=10))
    text = NOWHERE + f'[http]\nport = 0\ncertificate = "{certificate}"\nkey = "{key}"\n'
    status, out, _ = typed(capsys, "check", "--config", settings(tmp_path, text))
    assert (status, "is valid for 9 days" in out) == (1, True)
    other = authority.issue("other", ("localhost",))[1]
    text = text.replace(str(key), str(other))
    status, out, _ = typed(capsys, "check", "--config", settings(tmp_path, text))
    assert "is not the key of" in out


def test_check_and_migrate_name_what_a_store_is(
    tmp_path: Path, postgres: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    url = postgres.create("admin")
    path = settings(tmp_path, NOWHERE + f'[store]\nurl = "{url}"\n[http]\nport = 0\n')
    assert "empty; its tables will be created" in typed(capsys, "check", "--config", path)[1]
    assert "its tables were created" in typed(capsys, "migrate", "--config", path)[1]
    assert "already" in typed(capsys, "migrate", "--config", path)[1]
    assert "ok     store postgresql" in typed(capsys, "check", "--config", path)[1]
    settings(tmp_path, path.read_text().replace("/admin", "/nothing"))
    assert "WRONG  store" in typed(capsys, "check", "--config", path)[1]
    status, _, err = typed(capsys, "migrate", "--config", path)
    assert (status, 'database "nothing" does not exist' in err) == (1, True)
    other = tmp_path / "smartmeter.sqlite"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    path = settings(tmp_path)
    status, _, err = typed(capsys, "migrate", "--config", path)
    assert (status, "another program" in err) == (1, True)
    other.write_bytes(b"no database at all" * 100)
    status, _, err = typed(capsys, "migrate", "--config", path)
    assert (status, err.count("\n")) == (1, 1)


# export


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """The settings of a store with two meters."""
    store = SqliteStore(tmp_path / "smartmeter.sqlite")
    add(store, "m1", *[at(i, 1000 + i, v1_7_0=i, v14_7_0=50.01) for i in range(0, 3000, 10)])
    add(store, "m2", at(5, 7), reading(1, "2099-01-01T00:00:00+01:00", v1_8_0=8))
    store.close()
    return settings(tmp_path)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def exported(path: Path, *arguments: object) -> bytes:
    """What the process writes to its standard output."""
    command = [sys.executable, "-m", "smartmeter_cloud", "export", "--config", str(path)]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_export_to_standard_output(filled: Path) -> None:
    lines = [json.loads(line) for line in exported(filled, "--form", "jsonl").splitlines()]
    assert len(lines) == 302
    assert lines[1] == {
        "smartMeterId": "m1", "time": "2026-09-22T10:00:10+00:00", "clock": "meter",
        "seq": 10_000_010, "auth": "verified",
        "values": {"1.7.0": 10, "1.8.0": 1010, "14.7.0": 50.01},
    }  # fmt: skip
    assert lines[-1]["faultCode"] == "CLOCK"


def test_export_as_csv_with_filters(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = filled.parent / "out"

    def asked(*arguments: object) -> list[dict[str, str]]:
        status, _, err = typed(
            capsys, "export", "--config", filled, "--output", out, "--form", "csv", *arguments
        )
        assert status == 0, err
        assert stat.S_IMODE(out.stat().st_mode) & 0o600
        return rows(out.read_text())

    everything = asked()
    assert len(everything) == 302
    assert everything[1]["OBIS_1.8.0 [Wh]"] == "1010"
    assert everything[1]["OBIS_14.7.0 [Hz]"] == "50.01"
    assert [r["meterId"] for r in asked("--meter", "m2")] == ["m2", "m2"]
    few = asked("--from", "2026-09-22T12:00:20+02:00", "--to", "2026-09-22T10:00:50Z")
    assert [r["OBIS_1.7.0 [W]"] for r in few if r["meterId"] == "m1"] == ["20", "30", "40"]
    full = asked("--meter", "m1", "--code", "1-0:1.8.0", "--code", "0-2:24.2.1")
    assert full[1]["OBIS_1-0:1.8.0 [Wh]"] == "1010"
    (row,) = asked("--meter", "m1", "--code", "14.7.0", "--to", "2026-09-22T10:00:10Z")
    assert row == {
        "meterId": "m1", "readingTime": "2026-09-22T10:00:00+00:00",
        "readingTimeUtc": "2026-09-22T10:00:00Z", "clock": "meter", "auth": "verified",
        "seq": "10000000", "faultCode": "", "OBIS_14.7.0 [Hz]": "50.01",
        "ratio": "", "medium": "", "texts": "",
    }  # fmt: skip


def test_export_as_parquet(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = filled.parent / "out.parquet"
    typed(capsys, "export", "--config", filled, "--form", "parquet", "--output", out)
    table = pyarrow.parquet.read_table(out)
    assert table.num_rows == 302
    assert table["OBIS_1.8.0 [Wh]"].to_pylist()[:2] == [1000, 1010]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--meter", "m3"], "--meter: m3 is not stored; 2 other meters are"),
        (["--code", "x'"], '--code: "x\'" is not an OBIS code'),
        (["--from", "yesterday"], "--from: 'yesterday' is not a time such as"),
        (["--output", "/nowhere/at/all"], "cannot be written: No such file"),
    ],
)
def test_export_of_what_cannot_be(
    filled: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    status, out, err = typed(capsys, "export", "--config", filled, *arguments)
    assert (status, out, sentence in err, err.count("\n")) == (1, "", True, 1), err


@pytest.mark.parametrize("form", sorted(bulk.FORMS))
def test_an_export_takes_no_more_memory_for_more_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(bulk, "ROW_GROUP", 1000)
    monkeypatch.setattr(query, "CHUNK", 500)
    store = SqliteStore(tmp_path / "many.sqlite")
    add(store, "m1", *[at(i, 1000 + i, v1_7_0=i % 900) for i in range(6000)])

    def peak(most: int) -> int:
        asked = query.Query(("m1",), 0, query.FAR_MS, (), (), most)
        tracemalloc.start()
        size = sum(len(piece) for piece in bulk.stream(form, store, asked))
        assert size > most
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(1000)  # what is loaded and made once
    first = peak(2000)
    assert peak(6000) < first * 1.2
    store.close()


def test_a_reader_that_has_seen_enough_ends_an_export(filled: Path) -> None:
    command = f"{sys.executable} -m smartmeter_cloud export --config {filled} | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, timeout=60)
    assert (done.stdout.count(b"\n"), done.stderr) == (1, b"")


# status


def test_status_of_what_runs(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    cloud.config.write_text(cloud.config.read_text().replace("port = 0", f"port = {port}"))
    status, out, _ = typed(capsys, "status", "--config", cloud.config)
    assert (status, "ALARM: no ingest is running on this store" in out) == (1, True)
    cloud.start("ingest").says("connected")
    running = "status", "--running", "--config", cloud.config
    status, _, err = typed(capsys, *running)
    assert (status, "the API does not answer on this machine" in err) == (1, True)
    api: Process = cloud.start("api")
    assert api.address
    assert typed(capsys, *running) == (0, "the API answers\n", "")
    house = cloud.concentrator()
    house.send("m1", reading(1, datetime.datetime.now(datetime.UTC).isoformat()))
    house.send("m1", b"no reading")
    house.all_receipted()
    status, out, err = typed(capsys, "status", "--config", cloud.config)
    assert (status, err) == (0, ""), out
    assert re.search(r"meter m1: last reading \d+ s ago$", out, re.M)
    assert "api: answers" in out
    assert "1 dead letters" in out
    assert "refused on concentrator/house-1/smartMeterMessage/m1/reading: not a reading" in out
    status, out, _ = typed(capsys, "status", "--config", cloud.config, "--json")
    document: dict[str, Any] = json.loads(out)
    assert document["store"]["stored"] == 1
    (ingest,) = document["ingest"]
    assert ingest["broker"]["connected"]
    assert list(document["meters"]) == ["m1"]
    cloud.broker.kill()
    api.kill()

    def told() -> bool:
        _, text, _ = typed(capsys, "status", "--config", cloud.config)
        return "not connected to the broker" in text and "API does not answer" in text

    eventually(told)


def test_without_settings_it_is_what_serve_keeps(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    status, _, err = typed(capsys, "status")
    assert status == 1
    assert "`smartmeter-cloud serve` has stored nothing" in err
    folder = tmp_path / "smartmeter-cloud"
    folder.mkdir()
    (folder / "concentrator.password").write_text("test-secret\n")
    store = SqliteStore(folder / "smartmeter.sqlite")
    add(store, "m1", reading(1))
    store.close()
    status, out, _ = typed(capsys, "export", "--form", "jsonl")
    assert (status, json.loads(out)["smartMeterId"]) == (0, "m1")
    assert typed(capsys, "invite", "house-7")[0] == 0
    assert typed(capsys, "key", "somebody")[1].startswith("smc_")
