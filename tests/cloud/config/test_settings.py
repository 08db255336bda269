"""A mistake in the settings is one sentence on stderr, and an exit status that is not 0."""

import socket
from pathlib import Path

import pytest
from smartmeter_cloud.config import settings_file

from tests.cloud.harness import command

PLAIN = "[broker]\ntls = false\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[broker\n", "not TOML: Expected ']'"),
        ("broker = 1\n", "line 1: broker must be a table"),
        ("[brokers]\n", "line 1: [brokers] is not a setting here; did you mean [broker]?"),
        (PLAIN + "port = 70000\n", "line 3: broker.port must be a port, 1 to 65535"),
        (PLAIN + 'port = "1883"\n', "broker.port must be a port"),
        (PLAIN + "port = true\n", "broker.port must be a port"),
        (PLAIN + "prot = 1\n", "line 3: broker.prot is not a setting here; did you mean port?"),
        (PLAIN + "host = 1\n", "broker.host must be a host name or address"),
        (PLAIN + 'client_id = "a b"\n', "broker.client_id must be 1 to 64 of"),
        (PLAIN + 'group = "a/b"\n', "broker.group must be 1 to 64 of"),
        (PLAIN + 'password_file = "none"\n', "none: no such file or directory"),
        (PLAIN + 'password_file = "open"\n', "open, which others may read; type: chmod 600"),
        (
            PLAIN + 'user = "x"\npassword_file = "empty"\n',
            "empty, which must hold 1 to 4096 characters",
        ),
        (
            PLAIN + 'password_file = "secret"\n',
            "broker.user is missing: it belongs to password_file",
        ),
        ('[broker]\ncertificate = "open"\n', "broker.key is missing: it belongs to certificate"),
        ('[broker]\nca = "open"\n', "broker.ca, broker.certificate or broker.key cannot be used"),
        ("[broker]\nembedded = true\n", "broker.password_file is missing: Concentrators log in"),
        (
            '[broker]\nembedded = true\nhost = "0.0.0.0"\npassword_file = "secret"\n',
            "can be reached from outside",
        ),
        ('[store]\npath = "no/such/folder.sqlite"\n', "no/such, which is not a folder; create it"),
        (PLAIN + '[store]\npath = "open"\n', "open"),
        (
            '[store]\nurl = "mysql://x/y"\n',
            "store.url must be postgresql://USER@HOST:PORT/DATABASE",
        ),
        ('[store]\nurl = "postgresql://u:test-secret@h/d"\n', "store.url must be postgresql://"),
        ('[store]\nurl = "postgresql://u@127.0.0.1:1/d"\n', "the store cannot be used"),
        ('[store]\ntime_zone = "Mars/Base"\n', "store.time_zone must be the name of a time zone"),
        ("[store]\nkeep_readings = 1\n", "store.keep_readings must be days from 2 to 36500"),
        ('[http]\nhost = "0.0.0.0"\n', "give certificate and key"),
        ('[http]\nnames = "x"\n', "http.names must be a list, each a text in quotes"),
        ("[http]\nredirect_port = 70000\n", "http.redirect_port must be a port"),
        ("[metrics]\nport = -1\n", "metrics.port must be a port"),
        ("[enrolment]\ncertificate_days = 1\n", "enrolment.certificate_days must be days from 2"),
        (
            '[broker]\nembedded = true\nclient_ca = "open"\npassword_file = "secret"\n',
            "client_ca needs certificate and key",
        ),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "open").write_text("no certificate, no database: " + "x" * 2000)
    (tmp_path / "open").chmod(0o644)
    for name, content in (("secret", "test-secret\n"), ("empty", "\n")):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)
    config = tmp_path / "cloud.toml"
    config.write_text(text)
    done = command("ingest", "--config", str(config))
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert line.startswith("smartmeter-cloud: ")
    assert sentence in line
    assert "test-secret" not in line


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("", 1883),
        ("tls = false\n", 1883),
        ('tls = false\nhost = "0.0.0.0"\n', 1883),
        ('certificate = "secret"\nkey = "secret"\n', 8883),
        ('tls = false\ncertificate = "secret"\nkey = "secret"\n', 1883),
    ],
)
def test_the_embedded_broker_takes_tls_as_the_concentrator_s_does(
    tmp_path: Path, text: str, port: int
) -> None:
    (tmp_path / "secret").write_text("test-secret\n")
    (tmp_path / "secret").chmod(0o600)
    config = tmp_path / "cloud.toml"
    config.write_text(f'[broker]\nembedded = true\npassword_file = "secret"\n{text}')
    broker = settings_file.load(config).own_broker
    assert broker is not None
    assert broker.port == port
    assert bool(broker.certificate) == (port == 8883)


def test_no_file(tmp_path: Path) -> None:
    done = command("api", "--config", str(tmp_path / "none.toml"))
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert "none.toml: no such file" in done.err


def test_a_taken_port(tmp_path: Path) -> None:
    config = tmp_path / "cloud.toml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config.write_text(f"[http]\nport = {taken.getsockname()[1]}\n")
        done = command("api", "--config", str(config))
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert "is not available: address already in use" in done.err


def test_ingest_wants_a_broker_outside(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("test-secret\n")
    (tmp_path / "secret").chmod(0o600)
    config = tmp_path / "cloud.toml"
    config.write_text('[broker]\nembedded = true\npassword_file = "secret"\n')
    done = command("ingest", "--config", str(config))
    assert done.status == 1
    assert "broker.embedded is for `smartmeter-cloud serve`" in done.err
