"""A mistake in a settings file is one sentence: file, line, key, and what is allowed."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from smartmeter_service.file_settings import FolderPath, PrivateFile, ReadableFile, Secret
from smartmeter_service.toml_file import (
    ListenPort,
    Port,
    SettingsError,
    Table,
    Text,
    TomlFile,
    WrongKey,
)


class Broker(Table):
    host: Text
    port: Port = 1883
    tls: bool = True
    ca: ReadableFile | None = None
    key: PrivateFile | None = None
    user: Text | None = None
    password: Secret | None = msgspec.field(default=None, name="password_file")

    def __post_init__(self) -> None:
        if self.password and not self.user:
            raise WrongKey("user", "is missing: it belongs to password_file")


class SerialPort(Table):
    device: Text
    baud: Annotated[int, msgspec.Meta(ge=50, le=4_000_000)] | None = None
    parity: Literal["none", "even"] = "none"
    values: list[Text] = []
    kept: FolderPath | None = None


class Settings(Table):
    name: Text
    broker: Broker | None = None
    http: dict[str, Any] = {}
    port: list[SerialPort] | SerialPort = []


class Http(Table):
    port: ListenPort = 8080


START = 'name = "home"\n\n[broker]\nhost = "x"\n'
PORTS = '[[port]]\ndevice = "a"\n[[port]]\ndevice = "b"\n'


def settings_file(folder: Path, text: str) -> TomlFile:
    for name, content, mode in (
        ("secret", " test-secret\n", 0o600),
        ("open", "test-secret", 0o644),
        ("empty", "\n", 0o600),
        ("long", "x" * 5000, 0o600),
        ("binary", "\xff", 0o600),
    ):
        (folder / name).write_bytes(content.encode("latin-1"))
        (folder / name).chmod(mode)
    path = folder / "settings.toml"
    path.write_text(text)
    return TomlFile(path)


def error(folder: Path, text: str) -> str:
    with pytest.raises(SettingsError) as raised:
        settings_file(folder, text).read(Settings)
    told = str(raised.value)
    assert "\n" not in told
    assert "test-secret" not in told
    return told


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name = 1\n", 1, "name must be a text in quotes"),
        ('name = ""\n', 1, "name must be a text in quotes"),
        ('"name" = 1\n', 1, "name must be a text in quotes"),
        ('nane = "x"\n', 1, "nane is not a setting here; did you mean name?"),
        (START + "port = 0\n", 5, "broker.port must be a port, 1 to 65535"),
        (START + "port = true\n", 5, "broker.port must be a port, 1 to 65535"),
        (START + "port = 1.0\n", 5, "broker.port must be a port, 1 to 65535"),
        (START + "tls = 1\n", 5, "broker.tls must be true or false"),
        (START + "hots = 1\n", 5, "broker.hots is not a setting here; did you mean host?"),
        (
            START + "colour = 1\n",
            5,
            "broker.colour is not a setting here; "
            "allowed: host, port, tls, ca, key, user, password_file",
        ),
        (START + "ca = 1\n", 5, "broker.ca must be the path of a file in quotes"),
        (START + 'ca = "none"\n', 5, "/none: no such file or directory"),
        (START + 'key = "open"\n', 5, "open, which others may read; type: chmod 600 "),
        (START + 'password_file = "empty"\n', 5, "empty, which must hold 1 to 4096 characters"),
        (START + 'password_file = "long"\n', 5, "long, which must hold 1 to 4096 characters"),
        (START + 'password_file = "binary"\n', 5, "binary, which must hold 1 to 4096 characters"),
        (
            START + 'password_file = "secret"\n',
            3,
            "broker.user is missing: it belongs to password_file",
        ),
        (START + "[brokers]\n", 5, "[brokers] is not a setting here; did you mean [broker]?"),
        (
            START + "[other]\n",
            5,
            "[other] is not a setting here; allowed: [broker], [http], [port]",
        ),
        (START + PORTS + "baud = 5\n", 9, "port.baud must be a whole number from 50 to 4000000"),
        (START + PORTS + 'parity = "odd"\n', 9, "port.parity must be one of none, even"),
        (
            START + PORTS + 'values = ["a", 1]\n',
            9,
            "port.values must be a list, each a text in quotes",
        ),
        (START + PORTS + 'values = "a"\n', 9, "port.values must be a list, each a text in quotes"),
        (START + "[[port]]\nbaud = 9600\n", 5, "port.device is missing: give a text in quotes"),
        (START + "[port]\nbaud = 9600\n", 5, "port.device is missing: give a text in quotes"),
        ('name = "x"\nbroker = 1\n', 2, "broker must be a table, written as [broker]"),
        ('name = "x"\nport = 1\n', 2, "port must be a list, each a table"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, text: str, line: int, said: str) -> None:
    told = error(tmp_path, text)
    assert told.startswith(f"{tmp_path}/settings.toml, line {line}: ")
    assert said in told


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "name is missing: give a text in quotes"),
        (b"name = ", "not TOML: "),
        (b"name = " + b"[" * 100_000, "not TOML: "),
        (b"[broker]\nport = 1\nport = 2\n", "Cannot overwrite a value (at line 3"),
        (b"\xff", "must be UTF-8 text"),
    ],
)
def test_a_file_that_is_no_settings_file(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"settings\.toml: ") as raised:
        TomlFile(path).read(Settings)
    assert said in str(raised.value)


def test_a_missing_file_ends_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        TomlFile(tmp_path / "none.toml", "`example init` writes one")
    assert str(raised.value) == (
        f"{tmp_path}/none.toml: no such file or directory; `example init` writes one"
    )
    with pytest.raises(SettingsError, match=": is a directory"):
        TomlFile(tmp_path)


def test_what_is_right_is_read(tmp_path: Path) -> None:
    file = settings_file(
        tmp_path,
        '\ufeffname = "home"\r\n[broker]\nhost = "h"\nca = "open"\nuser = "u"\n'
        'password_file = "secret"\n[port]\ndevice = "/dev/x"\nkept = "not/there"\n'
        "[http]\nport = 0\n",
    )
    settings = file.read(Settings)
    assert settings.broker is not None
    assert settings.broker.ca == tmp_path / "open"
    assert settings.broker.password == "test-secret"
    assert "test-secret" not in repr(settings)
    assert isinstance(settings.port, SerialPort)
    assert settings.port.kept == tmp_path / "not/there"
    assert file.read(Http, "http").port == 0
    assert settings_file(tmp_path, 'name = "x"').read(Http, "http").port == 8080


def test_one_table_alone_names_the_same_place(tmp_path: Path) -> None:
    file = settings_file(tmp_path, START + '[http]\nport = "80"\n')
    with pytest.raises(SettingsError) as raised:
        file.read(Http, "http")
    assert str(raised.value) == (
        f"{tmp_path}/settings.toml, line 6: http.port must be a port, 0 to 65535 (0 takes a free "
        "one)"
    )
    file = settings_file(tmp_path, START + PORTS)
    assert str(file.wrong("port[1].device", "is named twice")).endswith(
        "line 8: port.device is named twice"
    )
