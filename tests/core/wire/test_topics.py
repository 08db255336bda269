"""The topic grammar and the receipts, as their users rely on them."""

import hashlib

import pytest
from smartmeter.wire import receipt, topics


@pytest.mark.parametrize("good", ["a", "A.b_c-9", "x" * 64])
def test_an_id_stands_in_every_topic(good: str) -> None:
    assert topics.parse_meter(topics.meter(good, "reading")) == (good, "reading")
    assert topics.parse_uplink(topics.uplink(good, good, "raw")) == (good, good, "raw")
    assert topics.parse_uplink(topics.concentrator_status(good)) == (good, None, "status")


@pytest.mark.parametrize(
    "bad", ["", "x" * 65, "a/b", "+", "#", "a b", "ä", "a\0", 'a"', "a'", None, 5, b"a"]
)
def test_nothing_else_enters_a_topic(bad: object) -> None:
    assert not topics.is_id(bad)
    for make in (
        lambda: topics.meter(bad, "reading"),
        lambda: topics.uplink("c", bad, "reading"),
        lambda: topics.uplink(bad, "m", "reading"),
        lambda: topics.concentrator_status(bad),
        lambda: topics.receipts(bad),
    ):
        with pytest.raises(ValueError, match="1 to 64"):
            make()


@pytest.mark.parametrize(
    "topic",
    ["", "smartMeterMessage", "smartMeterMessage/a", "smartMeterMessage/a/b/c", "x/a/reading",
     "smartMeterMessage//reading", "smartMeterMessage/a/", "smartMeterMessage/+/reading"],
)  # fmt: skip
def test_other_topics_are_no_adapter_s(topic: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        topics.parse_meter(topic)


@pytest.mark.parametrize(
    "topic",
    ["concentrator/c", "concentrator/c/reading", "concentrator/c/status/x", "concentrator//status",
     "concentrator/c/smartMeterMessage/m", "concentrator/c/other/m/reading",
     "concentrator/c/smartMeterMessage/m/reading/x", "smartMeterMessage/m/reading"],
)  # fmt: skip
def test_other_topics_are_no_concentrator_s(topic: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        topics.parse_uplink(topic)


def test_the_filters_are_the_specification_s() -> None:
    assert topics.ALL_METERS == "smartMeterMessage/#"
    assert topics.ALL_CONCENTRATORS == "concentrator/#"


def test_a_receipt_is_sha256_over_topic_zero_payload() -> None:
    want = hashlib.sha256(b"a/b\0payload").digest()[:16]
    assert receipt.digest("a/b", b"payload") == want
    assert receipt.split(want + want) == [want, want]
    assert receipt.split(b"") == []
    with pytest.raises(ValueError, match="multiple of 16"):
        receipt.split(want[:-1])
