"""The core decodes virtual meters' telegrams to the same values as dsmr-parser and dlms-cosem.

The other files here do the same with gurux-dlms and smllib.
"""

from decimal import Decimal
from types import ModuleType

import pytest
from smartmeter import Reading, Receiver
from smartmeter.reading import decimal

from tools.bench.peers import dlms_cosem, dsmr
from tools.bench.telegrams import of_form
from tools.meters import forms

# What each can read: a form that it no longer reads, or a peer that reads none, is a failure.
READ = {
    dsmr: (
        "dsmr-2.2",
        "dsmr-3",
        "dsmr-4",
        "dsmr-5",
        "emucs",
        "p1-sweden",
        "p1-denmark",
        "p1-estonia",
        "p1-finland",
        "p1-hungary",
        "p1-israel",
        "p1-lithuania",
        "p1-slovenia",
        "p1-luxembourg",
        "p1-steiermark",
    ),
    dlms_cosem: ("aidon-se", "apdu-glo"),  # which tell scales, and hold no visible-string
}


@pytest.mark.parametrize(
    ("peer", "form"), [(peer, form) for peer, names in READ.items() for form in names]
)
def test_the_core_says_what_the_peer_says(peer: ModuleType, form: str) -> None:
    telegrams = of_form(form, count=4)
    read = peer.reader(telegrams)
    assert read, f"{peer.NAME} reads no {form}"
    receiver = Receiver(key=telegrams.key, auth_key=telegrams.auth_key)
    compared = 0
    for wire in telegrams.wires:
        (reading,) = receiver.feed(wire)
        assert isinstance(reading, Reading)
        for code, number in peer.values(read(wire), telegrams).items():
            if code in reading.values:
                assert Decimal(decimal(reading.values[code])) == number, code
                compared += 1
    assert compared >= 4


def test_all_forms_that_have_a_text_are_in_the_list() -> None:
    left_out = {"p1-poland"}  # encrypted in its own way
    texts = {name for name, form in forms.FORMS.items() if form.link.startswith("p1")}
    assert texts - left_out == set(READ[dsmr])
