"""`smartmeter-cloud dead-letters`: a person sees what could not be stored, and has it stored."""

import json
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.store.rows import DeadLetter
from smartmeter_cloud.store.sqlite import SqliteStore

from tests.cloud.harness import CommandResult, command, encoded, reading

TOPIC = "concentrator/{}/smartMeterMessage/{}/{}"


class Letters:
    """A store with dead letters of two households."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "cloud.toml"
        self.config.write_text("[http]\nport = 0\n")
        self.store = SqliteStore(folder / "smartmeter.sqlite")
        self.store.place_concentrator("house-1", "smith")
        self.store.place_concentrator("house-2", "jones")
        self.add("house-1", "m1", b"no reading", days_ago=9)
        self.add("house-1", "m1", encoded([reading(1), {"not": "one"}]), "readings")
        self.add("house-2", "m2", b"\x1b[31mneither")

    def add(
        self, house: str, meter: str, payload: bytes, specific: str = "reading", days_ago: int = 0
    ) -> None:
        batch = MessageBatch()
        received = int(time.time() - days_ago * 86_400) * 1000
        batch.add(TOPIC.format(house, meter, specific), payload, received)
        self.store.write(batch)

    def say(self, *arguments: str) -> CommandResult:
        return command("dead-letters", *arguments, "--config", str(self.config))


@pytest.fixture
def letters(tmp_path: Path) -> Iterator[Letters]:
    made = Letters(tmp_path)
    yield made
    made.store.close()


def test_they_are_listed_by_household_concentrator_and_time(letters: Letters) -> None:
    assert len(letters.say().out.splitlines()) == 3
    (line,) = letters.say("list", "--household", "jones").out.splitlines()
    assert "concentrator/house-2/" in line
    assert "not a reading" in line
    assert len(letters.say("--concentrator", "house-1").out.splitlines()) == 2
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5 * 86_400))
    assert len(letters.say("--to", moment).out.splitlines()) == 1
    assert len(letters.say("--from", moment).out.splitlines()) == 2
    first = json.loads(letters.say("--json").out.splitlines()[0])
    assert (first["concentrator"], first["size"]) == ("house-1", 10)
    assert letters.say("--to", "yesterday").status == 1


def test_one_is_shown_with_its_payload_but_does_not_reach_the_terminal(letters: Letters) -> None:
    (line,) = letters.say("--household", "jones").out.splitlines()
    shown = letters.say("show", line.split()[0]).out
    assert "\\x1b[31mneither" in shown
    assert "\x1b" not in shown
    document = json.loads(letters.say("show", line.split()[0], "--json").out)
    assert bytes.fromhex(document["payload"]) == b"\x1b[31mneither"
    told = letters.say("show", "ffff")
    assert (told.status, "ffff" in told.err) == (1, True)


def test_what_can_be_stored_by_now_is_stored_and_no_longer_a_dead_letter(
    letters: Letters,
) -> None:
    """As after an update of the Cloud; also what was a part of an array."""
    for payload, specific in ((encoded(reading(5)), "reading"), (encoded(reading(6)), "readings")):
        with letters.store._writing() as db:
            letter = DeadLetter(
                sha256(payload).digest()[:16], int(time.time() * 1000),
                TOPIC.format("house-1", "m1", specific),
                "an older version could not", len(payload), payload, "house-1",
            )  # fmt: skip
            db.run(
                "INSERT INTO dead_letter (digest, received, topic, reason, size, payload, "
                "concentrator) VALUES (?, ?, ?, ?, ?, ?, ?)",
                letter,
            )
    assert letters.say("replay").status == 1  # it wants to know which
    told = letters.say("replay", "--concentrator", "house-1")
    assert told.status == 1  # two of them still cannot be
    assert told.out.count("replayed") == 2
    assert sorted(n.reading.seq for n in letters.store.newest()) == [6]
    assert len(letters.say().out.splitlines()) == 3
    assert any("replay of 2" in what for _, _, what in letters.store.notes(5))


def test_a_replay_obeys_the_rules_of_ownership(letters: Letters) -> None:
    letters.store.move_meter("m1", "jones")
    payload = encoded(reading(5))
    with letters.store._writing() as db:
        db.run(
            "INSERT INTO dead_letter (digest, received, topic, reason, size, payload, concentrator)"
            " VALUES (?, ?, ?, '', ?, ?, 'house-1')",
            (b"five" * 4, 1, TOPIC.format("house-1", "m1", "reading"), len(payload), payload),
        )
    told = letters.say("replay", b"five".hex())
    assert (told.status, "another household" in told.out) == (1, True)
    assert [n.reading.seq for n in letters.store.newest()] == [1]


def test_they_are_deleted_only_by_name_or_filter_or_all(letters: Letters) -> None:
    assert letters.say("delete").status == 1
    assert letters.say("delete", "--household", "smith").status == 0
    assert len(letters.say().out.splitlines()) == 1
    assert letters.say("delete", "--all").status == 0
    assert letters.say().out == ""
