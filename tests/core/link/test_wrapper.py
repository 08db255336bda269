"""The DLMS wrapper: pushed APDUs, plain and encrypted, and what damage makes of them."""

from smartmeter import Fault, Reading, Receiver
from smartmeter.fault import LENGTH, NOISE
from telegrams import AUTH_KEY, KEY, ciphered, kaifa_apdu

PLAIN = kaifa_apdu()


def wrapped(apdu, version=1, source=1, destination=0x67, size=None):
    size = len(apdu) if size is None else size
    return b"".join([n.to_bytes(2, "big") for n in (version, source, destination, size)]) + apdu


def events(data, step=0, **settings):
    receiver = Receiver(**settings)
    found = []
    for at in range(0, len(data), step or len(data)):
        found += receiver.feed(data[at : at + (step or len(data))])
    return found + receiver.flush()


def test_plain_and_encrypted():
    for apdu, settings, auth in (
        (PLAIN, {}, "none"),
        (ciphered(PLAIN), {"key": KEY}, "none"),
        (ciphered(PLAIN, 1, 0x30), {"key": KEY, "auth_key": AUTH_KEY}, "verified"),
    ):
        for step in (0, 1, 50):
            first, second = events(
                wrapped(apdu) + wrapped(PLAIN if apdu is PLAIN else ciphered(PLAIN, 2, 0x30)),
                step,
                **settings,
            )
            assert isinstance(first, Reading), first
            assert isinstance(second, Reading), second
            assert (first.layers[0], first.auth) == ("wrapper", auth)
            assert first.values == second.values


def test_a_link_by_its_name():
    (found,) = events(wrapped(PLAIN), link="wrapper")
    assert isinstance(found, Reading)


def test_damage():
    good = wrapped(PLAIN)
    for bad in (
        wrapped(PLAIN, size=len(PLAIN) + 1),
        wrapped(PLAIN, size=len(PLAIN) - 1),
        good[:200],
    ):
        found = events(bad)
        assert [event.kind for event in found if isinstance(event, Fault)][:1] == [LENGTH]
        assert not [event for event in found if isinstance(event, Reading)]
    for bad in (
        wrapped(PLAIN, version=2),
        wrapped(PLAIN, source=0x1001),
        wrapped(PLAIN, size=3000),
        wrapped(b"\x60" + PLAIN[1:]),
    ):
        assert not [event for event in events(bad) if isinstance(event, Reading)]


def test_a_telegram_that_lost_bytes_does_not_take_the_next_one_along():
    first, second = wrapped(ciphered(PLAIN, 1, 0x30)), wrapped(ciphered(PLAIN, 2, 0x30))
    for lost in (1, 2, 3, 5, 8, 100):
        for step in (0, 1, 64):
            found = events(first[: 300 - lost] + first[300:] + second, step, key=KEY)
            assert [getattr(event, "kind", "reading") for event in found] == [LENGTH, "reading"]


def test_zeros_are_noise():
    (found,) = events(bytes(500))
    assert found.kind == NOISE
    good, zeros = events(wrapped(PLAIN) + bytes(6))
    assert isinstance(good, Reading)
    assert zeros.kind == NOISE
