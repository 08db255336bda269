"""The Cloud answers every message: with a receipt, or with a refusal that says what to do."""

from collections.abc import Callable
from pathlib import Path

from smartmeter.wire import refusal, topics
from smartmeter_cloud.store.rows import Meter

from tests.cloud.conftest import Cloud
from tests.cloud.harness import Concentrator, command, encoded, eventually, reading
from tools.environment.mosquitto import Mosquitto


def refused(house: Concentrator, digest: bytes) -> refusal.Refusal:
    """The refusal of a message, which has got no receipt."""
    found: list[refusal.Refusal] = eventually(
        lambda: [one for one in house.refusals if one.digest == digest]
    )
    assert digest not in house.receipts
    return found[0]


def test_readings_of_another_household_s_meter_are_refused_and_not_receipted(cloud: Cloud) -> None:
    """An id squatter, or a wrong placement: what was acknowledged before was thrown away."""
    cloud.store.place_concentrator("house-1", "h1")
    cloud.store.place_concentrator("house-2", "h2")
    ingest = cloud.start("ingest")
    ingest.says("connected")
    squatter, house = cloud.concentrator("house-2"), cloud.concentrator("house-1")
    squatter.send("m1", reading(1))
    squatter.all_receipted()
    one = refused(house, house.send("m1", reading(2)))
    assert (one.final, one.scope) == (False, refusal.METER)
    assert "administrator" in one.reason
    assert "h2" not in one.reason
    refused(house, house.send("m1", [reading(3), reading(4)], "readings"))
    house.send("m2", reading(5))  # holds up nothing else
    eventually(lambda: len(house.receipts) == 1)
    (told,) = cloud.store.refused_senders()
    assert (told.concentrator, told.meter, told.messages) == ("house-1", "m1", 2)
    assert cloud.store.dead_letters(5) == []
    status = command("status", "--config", str(cloud.config))
    assert "Concentrator house-1" in status.out
    assert "smartmeter-cloud move m1" in status.out
    # Put right, all of it is stored.
    cloud.store.move_meter("m1", "h1")
    house.send_again()
    eventually(lambda: [house.send_again(), not house.waiting][1], 30)
    assert cloud.rows("SELECT count(DISTINCT seq) FROM reading") == [(5,)]


def test_a_planned_meter_belongs_to_its_household_whoever_sends_first(cloud: Cloud) -> None:
    cloud.store.add_meter(Meter("planned", "h1", "", ""))
    cloud.store.place_concentrator("house-1", "h1")
    cloud.start("ingest").says("connected")
    stranger, house = cloud.concentrator("house-2"), cloud.concentrator("house-1")
    refused(stranger, stranger.send("planned", reading(1)))
    house.send("planned", reading(2))
    house.all_receipted()
    assert [m.household for m in cloud.store.meters()] == ["h1"]
    assert cloud.rows("SELECT seq FROM reading") == [(2,)]


def test_a_status_obeys_the_same_rule_as_readings(cloud: Cloud) -> None:
    cloud.store.place_concentrator("house-1", "h1")
    cloud.store.place_concentrator("house-2", "h2")
    cloud.start("ingest").says("connected")
    house, stranger = cloud.concentrator("house-1"), cloud.concentrator("house-2")
    house.send("m1", reading(1))
    house.send("m1", {"state": "online"}, "status")
    house.all_receipted()
    for payload in (encoded({"state": "offline", "last_trouble": "SPOOFED"}), b""):
        refused(stranger, stranger.send("m1", payload, "status"))
    assert [box.status for box in cloud.store.boxes()] == ['{"state": "online"}']


def test_a_stranger_s_status_from_before_the_first_reading_is_gone_with_it(cloud: Cloud) -> None:
    cloud.store.place_concentrator("house-1", "h1")
    cloud.store.place_concentrator("house-2", "h2")
    cloud.start("ingest").says("connected")
    stranger, house = cloud.concentrator("house-2"), cloud.concentrator("house-1")
    stranger.send("m1", {"state": "SPOOFED"}, "status")
    stranger.all_receipted()
    house.send("m1", reading(1))
    house.all_receipted()
    assert cloud.store.boxes() == []


def test_a_sub_meter_belongs_where_its_main_meter_does(cloud: Cloud) -> None:
    cloud.store.place_concentrator("house-1", "h1")
    cloud.store.place_concentrator("house-2", "h2")
    cloud.start("ingest").says("connected")
    house, stranger = cloud.concentrator("house-1"), cloud.concentrator("house-2")
    house.send("m1", reading(1))
    house.all_receipted()
    refused(stranger, stranger.send("m1-1", reading(1)))
    house.send("m1-1", reading(2))
    house.all_receipted()
    assert cloud.rows("SELECT name, household FROM meter") == [("m1", "h1"), ("m1-1", "h1")]


def test_raw_telegrams_are_refused_and_not_receipted(cloud: Cloud) -> None:
    cloud.start("ingest").says("connected")
    house = cloud.concentrator()
    one = refused(house, house.send("m1", b"\x68\x10", topics.RAW))
    assert not one.final


def test_a_dead_letter_is_kept_whole_and_named_by_the_refusal(cloud: Cloud) -> None:
    cloud.start("ingest").says("connected")
    house = cloud.concentrator()
    payload = b"x" * 1_100_000
    digest = house.send("m1", payload)
    house.all_receipted()
    eventually(lambda: house.refusals)
    (one,) = house.refusals
    assert (one.digest, one.final) == (digest, True)
    assert "1100000 bytes" in one.reason
    (dead,) = cloud.store.dead_letters(5)
    assert (dead.digest, dead.payload, dead.concentrator) == (digest, payload, "house-1")


def test_a_broker_that_refuses_refusals_still_gets_receipts_through(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    """Its access rules are from before there were refusals."""
    rules = ["user cloud", "topic read concentrator/#", "topic write cloud/+/receipts"]
    rules += ["user house", "topic readwrite concentrator/#", "topic read cloud/#"]
    broker = mosquitto(users={"cloud": "test-secret", "house": "test-secret"}, rules=rules)
    password = tmp_path / "password"
    password.write_text("test-secret\n")
    password.chmod(0o600)
    older = Cloud(tmp_path, broker)
    older.configure('tls = false\nuser = "cloud"\npassword_file = "password"')
    try:
        ingest = older.start("ingest")
        ingest.says("connected")
        house = older.concentrator("house-1", user="house", password="test-secret")
        house.send("m1", b"no")
        ingest.says("cloud/+/refusals")
        house.send("m1", reading(1))
        eventually(lambda: [house.send_again(), not house.waiting][1], 60)
        status = command("status", "--config", str(older.config))
        assert "cloud/+/refusals" in status.out
    finally:
        older.end()


def test_strangers_topics_fill_no_store_and_are_counted(cloud: Cloud) -> None:
    cloud.start("ingest").says("connected")
    house = cloud.concentrator()
    for i in range(1100):
        house.client.publish("concentrator/a b/status", b"%d" % i, qos=1)
    house.send("m1", reading(1))
    house.all_receipted()
    eventually(lambda: cloud.store.counters() == {"stored": 1, "dead": 1000, "ignored": 100})
    assert cloud.rows("SELECT count(*) FROM dead_letter") == [(1000,)]
    assert not house.refusals
