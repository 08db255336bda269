"""The ways in which people have captures: each gives the bytes, all of them and no others."""

import base64
import contextlib
import io
import json
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from smartmeter import Receiver
from smartmeter_gateway.capture.capture_text import Capture
from smartmeter_service.toml_file import SettingsError

from tools.meters import forms
from tools.meters.household import Household

TELEGRAM, _ = forms.make("kaifa-ma309", Household(5)).telegram(datetime(2026, 11, 22, tzinfo=UTC))
LISTENED, _ = forms.make("dsmr-5", Household(5)).telegram(datetime(2026, 11, 22, tzinfo=UTC))


def rows(data: bytes, size: int = 16) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def lines(prefix: str, data: bytes, separator: str = " ", size: int = 16, behind: str = "") -> str:
    return "".join(f"{prefix}{row.hex(separator)}{behind}\n" for row in rows(data, size))


def read(content: bytes | str) -> Capture:
    return Capture(io.BytesIO(content if isinstance(content, bytes) else content.encode()))


FORMS: dict[str, Callable[[bytes], str]] = {
    "digits": lambda d: d.hex(),
    "capitals": lambda d: d.hex().upper() + "\r\n",
    "spaces": lambda d: d.hex(" "),
    "groups of four": lambda d: d.hex(" ", -2),
    "colons": lambda d: d.hex(":"),
    "lines that end within a byte": lambda d: "\n".join(
        d.hex()[at : at + 33] for at in range(0, 2 * len(d), 33)
    ),
    "0x": lambda d: ",".join(f"0x{b:02X}" for b in d),
    "0x without leading zeros": lambda d: ", ".join(f"0x{b:x}" for b in d),
    "ESPHome's dots": lambda d: "".join(
        f"[12:00:01][D][meter:114]: {row.hex('.').upper()} ({len(row)})\n" for row in rows(d, 40)
    ),
    "candump -L": lambda d: "".join(
        f"(1732364100.{n:06d}) can0 123#{row.hex()}\n" for n, row in enumerate(rows(d, 8))
    ),
    "Python's bytes": lambda d: repr(d),
    "Python's log": lambda d: "".join(
        f"2024-01-02 12:00:00,123 DEBUG read {row!r}\n" for row in rows(d, 40)
    ),
    "base64": lambda d: base64.b64encode(d).decode(),
    "base64 in lines": lambda d: base64.encodebytes(d).decode(),
    "decimal numbers": lambda d: str(list(d)),
    "decimal numbers in lines": lambda d: "\n".join(str(b) for b in d),
    "without leading zeros": lambda d: " ".join(f"{b:X}" for b in d),
    "escapes": lambda d: "".join(f"\\x{b:02x}" for b in d),
    "Markdown's code": lambda d: f"`{d.hex()}`\n",
    "Markdown's code behind a label": lambda d: f"data: `{d.hex()}`\n",
    "with h behind": lambda d: "ERROR: no SML!\n" + " ".join(f"{b:02X}h" for b in d),
    "decimal numbers behind a label": lambda d: "received: " + ", ".join(str(b) for b in d),
    "a C array": lambda d: (
        "unsigned char capture[] = {\n"
        + "".join("  " + ", ".join(f"0x{b:02x}" for b in row) + ",\n" for row in rows(d, 12))
        + f"}};\nunsigned int capture_len = {len(d)};\n"
    ),
    "date and time": lambda d: lines("2024-01-02 12:00:00.123 RX: ", d),
    "date, time and zone": lambda d: lines("2024-01-02T12:00:00.123+01:00 ", d),
    "German date": lambda d: lines("02.01.2024 12:00:00,123 -> ", d),
    "time in brackets": lambda d: lines("[12:00:01] ", d),
    "time alone": lambda d: lines("12:00:01 ", d),
    "time and one byte a line": lambda d: lines("[12:00:01:123] ", d, size=1),
    "seconds since 1970": lambda d: lines("1704196800.123456 ", d),
    "syslog": lambda d: lines("Jan 02 12:00:00 host meter[4711]: received ", d),
    "terminal program": lambda d: lines("02/01/2024 12:00:00.123 [RX] - ", d, behind="  "),
    "ESPHome": lambda d: (
        "INFO Starting log output\n"
        "\033[0;36m[12:00:01][C][uart.arduino_esp32:079]: UART Bus 1:\033[0m\n"
        + lines("\033[0;36m[12:00:01][D][uart_debug:114]: <<< ", d, ":", 40, "\033[0m")
        + "[12:00:02][D][uart_debug:114]: >>> E5\n"
    ),
    "amsreader": lambda d: (
        "(D) Received 376 bytes\n(V) M-Bus frame:\n"
        + "".join(row.hex(" ").upper() + " \n" for row in rows(d))
    ),
    "with ASCII behind": lambda d: "".join(
        f"{row.hex(' ')}  | {''.join(chr(b) if 32 <= b < 127 else '.' for b in row)}\n"
        for row in rows(d)
    ),
    "Wireshark": lambda d: "".join(
        f"{16 * n:04x}  {row[:8].hex(' ')}  {row[8:].hex(' ')}".ljust(58)
        + "".join(chr(b) if 32 <= b < 127 else "." for b in row)
        + "\n"
        for n, row in enumerate(rows(d))
    ),
    "Python's hexdump": lambda d: "".join(
        f"{16 * n:08X}: {row[:8].hex(' ').upper()}  {row[8:].hex(' ').upper()}".ljust(60)
        + "".join(chr(b) if 32 <= b < 127 else "." for b in row)
        + "\n"
        for n, row in enumerate(rows(d))
    ),
    "od -A x": lambda d: "".join(f"{16 * n:06x} {row.hex(' ')}\n" for n, row in enumerate(rows(d))),
    "od": lambda d: (
        "".join(f"{16 * n:07o} {row.hex(' ')}\n" for n, row in enumerate(rows(d)))
        + f"{len(d):07o}\n"
    ),
}


@pytest.mark.parametrize("data", [TELEGRAM, LISTENED], ids=["binary telegram", "text telegram"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_bytes(form: str, data: bytes) -> None:
    capture = read(FORMS[form](data))
    assert b"".join(capture) == data
    assert capture.bytes == len(data)
    assert capture.form in (
        "hex digits",
        "lines with bytes in hexadecimal",
        "base64",
        "a list of decimal numbers",
    )


# Their forms are made by hand above; where a machine has the programs, these are asked as well.
DUMPERS = [
    command
    for command in ("od -t x1", "hexdump -C", "xxd", "xxd -i", "xxd -p")
    if shutil.which(command.split()[0])
]


@pytest.mark.parametrize("command", DUMPERS)
@pytest.mark.parametrize("zeros", [0, 100])
def test_real_dumps(tmp_path: Path, command: str, zeros: int) -> None:
    data = TELEGRAM + bytes(zeros) + LISTENED
    (tmp_path / "capture.bin").write_bytes(data)
    dump = subprocess.run(
        [*command.split(), tmp_path / "capture.bin"], capture_output=True, check=True
    ).stdout
    if command.startswith("od") and zeros:  # whose rows left out cannot be counted for certain
        with pytest.raises(SettingsError, match="hexdump -Cv"):
            list(read(dump))
    else:
        assert b"".join(read(dump)) == data


def test_a_dump_of_words_is_refused_with_what_to_do() -> None:
    with pytest.raises(SettingsError, match="hexdump -C or xxd"):
        read("0000000 fa68 68fa ff53\n0000006\n")


def test_rows_left_out_are_put_in_again_and_bounded() -> None:
    row = "00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n"
    assert b"".join(read(row + "*\n00001000\n")) == bytes(4096)
    with pytest.raises(SettingsError, match="line 3 of the capture"):
        list(read(row + "*\nffffffff\n"))


NEWLINE = "\r\n"
TEXT = LISTENED.decode().split(NEWLINE)
PASTES: dict[str, str] = {
    "indented": "\n".join("    " + line for line in TEXT),
    "quoted": "\n".join("> " + line for line in TEXT),
    "with times": "\n".join(f"[12:00:0{n % 10}.123] {line}" for n, line in enumerate(TEXT)),
    "ESPHome": "\n".join("[12:00:01][VV][dsmr:266]: " + line for line in TEXT),
    "without blank lines": "\n".join(line for line in TEXT if line),
    "each line twice as far": "\n\n".join(TEXT),
    "with spaces behind": "\n".join(line + "  " for line in TEXT),
    "HTerm's marks": "\n".join(line + r"<\r><\n>" for line in TEXT),
    "marks in one line": "".join(line + "<CR><LF>" for line in TEXT),
    "ESPHome's strings": "\n".join(
        f"[12:00:01][D][uart_debug:158]: <<< {json.dumps(line + NEWLINE)}" for line in TEXT[:-1]
    ),
    "ESPHome's strings of ten bytes": "\n".join(
        f"[12:00:01][D][uart_debug:158]: <<< {json.dumps(LISTENED.decode()[at : at + 10])}"
        for at in range(0, len(LISTENED), 10)
    ),
    "JSON": json.dumps({"telegram": LISTENED.decode()}),
    "JSON whose end is missing": json.dumps({"telegram": LISTENED.decode()})[:-2],
    "Python's text": repr(LISTENED.decode()),
    "Home Assistant's pieces": "\n".join(
        f"2024-01-02 12:00:00.123 DEBUG (MainThread) [dsmr_parser] received data: {piece}"
        for piece in re.findall("(?s).{1,100}", LISTENED.decode())
    ),
    "with a remark to each line": "\n".join(f"# {line}      what it is [kWh]" for line in TEXT),
    "without its backslash": "\n".join(TEXT).replace("\\", ""),
    "with two backslashes": "\n".join(TEXT).replace("\\", "\\\\"),
    "without its first character": "\n".join(TEXT)[1:],
    "between other lines": "hello\n" + "\n".join("  " + line for line in TEXT) + "\nthanks, all\n",
}


@pytest.mark.parametrize("paste", PASTES)
def test_a_meter_s_text_as_people_paste_it(paste: str) -> None:
    for line_end in ("\n", "\r\n"):
        capture = read(PASTES[paste].replace("\n", line_end))
        assert b"".join(capture) == LISTENED
        assert capture.form == "a meter's own text, pasted"


@pytest.mark.parametrize("form", ["linky-historical", "linky-standard", "linky-producer"])
def test_groups_of_a_tic_frame_as_people_paste_them(form: str) -> None:
    meter = forms.make(form, Household(5))
    wires = [meter.telegram(datetime(2026, 11, 22, hour, tzinfo=UTC))[0] for hour in (1, 2)]
    lines = [wire[2:-2].decode().split("\r\n") for wire in wires]
    for text in (
        "\n".join(lines[0] + lines[1]),
        "\n".join(line.rstrip() for frame in lines for line in frame),
        "hello\n\n" + "\n".join(f"> [12:00:01] {line}" for frame in lines for line in frame),
    ):
        capture = read(text)
        assert b"".join(capture) == wires[0] + wires[1]
        assert capture.form == "groups of a TIC frame, pasted"


def test_a_pasted_text_that_was_changed_keeps_its_wrong_crc() -> None:
    changed = PASTES["quoted"].replace("1-0:1.7.0(0", "1-0:1.7.0(1")
    assert changed != PASTES["quoted"]
    [fault] = Receiver().feed(b"".join(read(changed)))
    assert (fault.kind, "CRC" in fault.detail) == ("checksum", True)


def test_an_endless_line_of_a_pasted_text_is_refused() -> None:
    with pytest.raises(SettingsError, match="over 1 MB"):
        b"".join(read(PASTES["quoted"] + "x" * (1 << 21)))


# Captures as people posted them; they are not part of the repository.
POSTED = Path(__file__).resolve().parents[4] / "shared" / "frames" / "reports" / "posted"
NO_READING = {  # text file: the kind of its fault
    "mt174_asposted": "length",  # its last line is missing
    "zmd_asposted": "noise",  # seven bits read as eight
    "kmp_asposted": "noise",  # KMP, which is not supported
}


@pytest.mark.skipif(not POSTED.exists(), reason="../shared is not here")
def test_captures_as_they_were_posted() -> None:
    for path in sorted(POSTED.glob("*.txt")):
        receiver = Receiver()
        data = b"".join(read(path.read_bytes()))
        events = receiver.feed(data) + receiver.flush()
        kinds = [getattr(event, "kind", "reading") for event in events]
        assert kinds == [NO_READING.get(path.stem, "reading")], path.stem


def test_bytes_sent_to_the_meter_are_no_part_and_counted() -> None:
    text = lines("12:00:00 RX ", TELEGRAM) + "12:00:01 TX E5 E5\n" + "hello\n\n"
    capture = read(text)
    assert b"".join(capture) == TELEGRAM
    assert (capture.sent, capture.lines_without) == (1, 1)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_what_windows_writes(encoding: str) -> None:
    text = lines("12:00:00 Gerät: ", TELEGRAM).replace("\n", "\r\n")
    assert b"".join(read(text.encode(encoding))) == TELEGRAM


@pytest.mark.parametrize(
    "data",
    [
        TELEGRAM,
        LISTENED,
        bytes(100),
        bytes(range(256)),
        "Zähler".encode("latin-1"),
        b"",
        b"\xff\xfe",
    ],
)
def test_what_is_no_text_of_bytes_is_taken_as_it_is(data: bytes) -> None:
    assert b"".join(read(data)) == data


def test_a_log_that_is_larger_than_what_is_read_at_a_time() -> None:
    for text in (
        lines("2024-01-02 12:00:00.123 RX: ", TELEGRAM * 300),
        ",".join(f"0x{b:02X}" for b in TELEGRAM * 300),
        "\n" + (TELEGRAM * 300).hex(),
        " ".join(f"{b:X}" for b in TELEGRAM * 300),
    ):
        assert len(text) > 3 * 65536
        assert b"".join(read(text)) == TELEGRAM * 300


def test_anything_gives_bytes_or_one_sentence() -> None:
    random_ = random.Random(7)
    texts = [form(TELEGRAM).encode() for form in FORMS.values()]
    for _ in range(500):
        text = bytearray(random_.choice(texts))
        for _ in range(random_.randrange(1, 20)):
            at = random_.randrange(len(text))
            if random_.random() < 0.5:
                text[at] = random_.choice(b"*0x|: \n[](){}<>TRX\\\x1b\xfffF9g.,-\r")
            else:
                del text[at : at + random_.randrange(1, 50)]
            if not text:
                break
        with contextlib.suppress(SettingsError):
            assert sum(map(len, read(bytes(text)))) <= 70000
