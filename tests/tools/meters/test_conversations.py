"""Meters that answer: what they say to what a reader says, without a port."""

from datetime import UTC, datetime, timedelta

import pytest

from tools.meters import forms
from tools.meters.household import Household

NOW = datetime(2026, 11, 22, 21, 10, 5, tzinfo=UTC)


def responder(name, **options):
    meter = forms.make(name, Household(4), **options)
    return meter.form.responder(meter)


@pytest.mark.parametrize(("digit", "baud"), [("0", 300), ("5", 9600)])
def test_mode_c_reads_out_at_the_rate_that_is_acknowledged(digit, baud):
    meter = responder("iec-readout")
    (hello,) = meter.received(b"/?!\r\n", NOW)
    assert (hello.wire, hello.baud) == (b"/LGZ5ZMD120APt.G03\r\n", 300)
    (readout,) = meter.received(f"\x060{digit}0\r\n".encode(), NOW + timedelta(seconds=0.5))
    assert readout.baud == baud
    assert readout.delay_ms >= 200
    assert readout.truth["values"]
    assert meter.due(NOW + timedelta(seconds=9)) == []


def test_mode_c_reads_out_as_mode_a_where_nothing_is_acknowledged():
    meter = responder("iec-readout")
    meter.received(b"/?!\r\n", NOW)
    assert meter.due(NOW + timedelta(seconds=1)) == []
    (readout,) = meter.due(NOW + timedelta(seconds=2))
    assert readout.baud == 300
    assert meter.due(NOW + timedelta(seconds=3)) == []


@pytest.mark.parametrize("acknowledgement", [b"\x06040\r\n", b"\x06051\r\n", b"050\r\n"])
def test_mode_c_does_not_read_out_for_another_rate_or_purpose(acknowledgement):
    meter = responder("iec-readout")
    meter.received(b"/?!\r\n", NOW)
    assert meter.received(acknowledgement, NOW) == []


def test_mode_a_answers_and_reads_out_at_once():
    hello, readout = responder("iec-mode-a").received(b"\x00\x00/?!\r\n", NOW)
    assert hello.wire == b"/ABC@ METER 1\r\n"
    assert readout.wire[:1] == b"\x02"
    assert hello.baud == readout.baud == 300


def test_a_sign_on_may_name_the_meter():
    meter = responder("iec-readout", address="12345678")
    assert meter.received(b"/?99999999!\r\n", NOW) == []
    assert len(meter.received(b"/?12345678!\r\n", NOW)) == 1
    assert len(meter.received(b"/?!\r\n", NOW)) == 1


def test_a_sign_on_comes_in_any_pieces_and_with_parity_bits():
    meter = responder("iec-readout")
    request = bytes(byte | (byte.bit_count() & 1) << 7 for byte in b"/?!\r\n")
    pieces = [meter.received(request[n : n + 1], NOW) for n in range(len(request))]
    assert [len(piece) for piece in pieces] == [0, 0, 0, 0, 1]


def test_an_optical_head_may_return_what_is_sent():
    echo, hello = responder("iec-readout", echo=True).received(b"/?!\r\n", NOW)
    assert echo.wire == b"/?!\r\n"
    assert hello.wire.startswith(b"/LGZ")
    (echo,) = responder("amis", echo=True).received(b"\xe5", NOW)
    assert echo.wire == b"\xe5"


def test_amis_searches_every_minute_and_pushes_every_second():
    meter = responder("amis")
    (search,) = meter.due(NOW)
    assert search.wire == bytes.fromhex("1040f03016")
    assert meter.due(NOW + timedelta(seconds=59)) == []
    assert len(meter.due(NOW + timedelta(seconds=60))) == 1
    meter.received(b"\xe5", NOW + timedelta(seconds=60.4))
    sent = []
    for tenth in range(610, 900):
        sent += meter.due(NOW + timedelta(seconds=tenth / 10))
    pushed = [answer for answer in sent if answer.truth]
    assert len(pushed) == 10
    assert [answer.wire[4] for answer in pushed[:4]] in (
        [0x53, 0x73, 0x53, 0x73],
        [0x73, 0x53, 0x73, 0x53],
    )
    assert sent[10].wire == search.wire


def test_a_form_that_pushes_answers_nobody():
    with pytest.raises(ValueError, match="never answers"):
        responder("sml")
