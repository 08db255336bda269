"""`decode` never ends in a traceback: any bytes and any text, in JSON, explained and redacted."""

import contextlib
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smartmeter_gateway.capture.trials import Asked
from smartmeter_gateway.cli import decode
from smartmeter_service.toml_file import SettingsError

from tools.meters import forms
from tools.meters.household import Household

WHEN = datetime(2026, 11, 22, 20, 10, 5, tzinfo=UTC)
WIRES = [forms.make(form, Household(5)).telegram(WHEN)[0] for form in forms.FORMS]
KEYS = [forms.default_key(form) for form in forms.FORMS]
OUTPUTS = {"json": {}, "explained": {"explained": True}, "redacted": {"redacted": True}}

# What data lines are made of, in orders that no meter has.
WORDS = st.sampled_from(
    ["/KAM MC", "/FLU5\\\\253", "0.0", "C.1.0", "F.F", "0-0:96.1.0", "1-0:1.8.0", "6.8", "6.26"]
    + ["(", ")", "(00005012345)", "(0433.65*GJ)", "(1.2*kWh)", "()", "*", ":", "-", ".", "!"]
    + ["!99C5", "\r\n", "\n", "\x02", "\x03", "\\r\\n", "<\\r><\\n>", '"', "'", "b'", "`", "1bh "]
    + ["# ", "> ", "received data: ", "[12:00:01] ", "Zähler", " ", "\t", "0x1b,", "27, 27,", "1b"]
)
LINES = st.tuples(WORDS, WORDS, st.text(max_size=8), WORDS).map("".join)
TEXTS = st.lists(st.one_of(WORDS, LINES), max_size=60).map(lambda words: "".join(words).encode())


@st.composite
def damaged(draw: st.DrawFn) -> tuple[bytes, bytes | None]:
    """A telegram with some bytes changed, removed or put in, and its key."""
    number = draw(st.integers(0, len(WIRES) - 1))
    wire = bytearray(WIRES[number])
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(wire)))
        wire[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(wire), draw(st.sampled_from([None, KEYS[number]]))


def printed(capture: bytes, key: bytes | None, output: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            decode.run(io.BytesIO(capture), Asked(key), **OUTPUTS[output])
        except SettingsError as why:
            print(why)
    return out.getvalue()


@pytest.mark.parametrize("output", OUTPUTS)
@given(capture=st.one_of(st.binary(max_size=400), st.text(max_size=400).map(str.encode), TEXTS))
def test_any_bytes_and_any_text(output: str, capture: bytes) -> None:
    assert printed(capture, None, output).strip()


@pytest.mark.parametrize("output", OUTPUTS)
@given(given_=damaged())
def test_damaged_telegrams(output: str, given_: tuple[bytes, bytes | None]) -> None:
    capture, key = given_
    assert printed(capture, key, output).strip()
