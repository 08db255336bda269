"""Only an administrator assigns Concentrators to households and moves meters with their history."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.store.households import Households
from smartmeter_cloud.store.sqlite import SqliteStore

from tests.cloud.api_process import Site, call
from tests.cloud.harness import CommandResult, command, encoded, reading


class Cloud:
    def __init__(self, folder: Path) -> None:
        self.config = folder / "cloud.toml"
        self.config.write_text("[http]\nport = 0\n")
        self.store = SqliteStore(folder / "smartmeter.sqlite")

    def send(self, concentrator: str, meter: str, seq: int, **more: Any) -> MessageBatch:
        batch = MessageBatch()
        topic = f"concentrator/{concentrator}/smartMeterMessage/{meter}/reading"
        batch.add(topic, encoded(reading(seq) | more), 1790000000_000)
        self.store._households = Households()  # or ten seconds later
        self.store.write(batch)
        return batch

    def say(self, *arguments: str) -> CommandResult:
        return command(*arguments, "--config", str(self.config))

    def households(self) -> dict[str, str]:
        return {m.name: m.household for m in self.store.meters()}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path)
    yield made
    made.store.close()


def test_the_last_sender_does_not_take_the_history_with_it(cloud: Cloud) -> None:
    """Both were invited without a household; one sends a single reading for the other's meter."""
    for seq in range(10):
        cloud.send("honest", "kitchen", seq)
    cloud.send("evil", "kitchen", 100)
    told = cloud.say("place", "evil", "--household", "h2")
    assert cloud.households() == {"kitchen": "home"}
    assert "smartmeter-cloud move kitchen --household h2" in told.out  # advice only
    assert cloud.send("evil", "kitchen", 101).receipts == {}
    cloud.say("place", "honest", "--household", "h1")
    assert cloud.send("honest", "kitchen", 11).receipts == {}  # it keeps them
    assert cloud.say("move", "kitchen", "--household", "h1").status == 0
    assert cloud.households() == {"kitchen": "h1"}
    assert cloud.send("honest", "kitchen", 11).receipts
    notes = [what for _, _, what in cloud.store.notes(10)]
    assert "moved meter kitchen from household home to h1" in notes


def test_sub_meters_move_with_their_meter(cloud: Cloud) -> None:
    for meter in ("m", "m-1", "m-8", "m-9", "mm-1"):
        cloud.send("c", meter, 1, medium="gas", units={})
    cloud.send("c", "m-3", 1)  # of an older installation: a main meter
    told = cloud.say("move", "m-1", "--household", "h1")
    assert (told.status, "m-1 is a sub-meter: move m, and it moves as well" in told.err) == (1, 1)
    cloud.say("move", "m", "--household", "h1")
    assert {name for name, house in cloud.households().items() if house == "h1"} == {
        "m", "m-1", "m-8",
    }  # fmt: skip


def test_what_is_not_known_is_not_moved(cloud: Cloud) -> None:
    cloud.send("c", "m", 1)
    told = cloud.say("move", "m", "nowhere", "--household", "h1")
    assert (told.status, "nowhere is not stored" in told.err) == (1, True)
    assert cloud.say("move", "m", "--household", "a b").status == 1
    assert cloud.say("place", "a b", "--household", "h1").status == 1
    assert cloud.households() == {"m": "home"}


def test_an_invitation_names_its_household_as_soon_as_there_is_more_than_one(cloud: Cloud) -> None:
    assert cloud.say("invite", "first").status == 0
    assert cloud.say("invite", "second", "--household", "h2").status == 0
    told = cloud.say("invite", "third")
    assert (told.status, "more than one household" in told.err) == (1, True)
    assert cloud.say("invite", "second").status == 0  # it has one already
    assert cloud.say("invite", "first").status == 1  # it is only the default
    assert cloud.say("invite", "third", "--household", "home").status == 0


def test_an_administrator_places_and_moves_by_the_api(guarded: Site) -> None:
    admin = guarded.key("admin")
    body = {"household": "jones"}
    status, placed, _ = call(guarded, "PUT", "v1/concentrators/house-1", body, admin)
    assert (status, placed["elsewhere"]) == (200, ["m1"])
    jones = guarded.key("read", "jones")
    assert [m["id"] for m in call(guarded, "GET", "v1/meters", key=jones)[1]] == ["m2"]
    assert call(guarded, "PUT", "v1/meters/m1/household", body, jones)[0] == 403
    bound = guarded.key("admin", "jones")
    assert call(guarded, "PUT", "v1/meters/m1/household", body, bound)[0] == 404
    assert call(guarded, "PUT", "v1/meters/m2/household", {"household": "smith"}, bound)[0] == 403
    assert call(guarded, "PUT", "v1/meters/m1/household", body, admin)[0] == 200
    assert [m["id"] for m in call(guarded, "GET", "v1/meters", key=jones)[1]] == ["m1", "m2"]
    lines = [line["what"] for line in call(guarded, "GET", "v1/audit", key=admin)[1]]
    assert "moved meter m1 from household smith to jones" in lines
    refused = call(guarded, "POST", "v1/concentrators/new/invitations", {}, admin)
    assert refused[0] == 403
    assert "more than one household" in refused[1]["detail"]
