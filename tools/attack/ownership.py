"""Attacks on whose a meter is: ids that are taken, statuses and histories of others."""

import json
import subprocess
import sys
import time

from smartmeter.wire import topics

from tools.attack.attacks import attack, held
from tools.attack.client import document, eventually
from tools.attack.site import EVIL, HONEST, METER, NEIGHBOUR, Site


@attack("sends readings for another household's meter", "H1")
def foreign_readings(site: Site) -> None:
    before = len(site.rows("SELECT 1 FROM dead_letter"))
    with site.evil() as evil:
        digest = evil.send(METER, document(9_000_001, time.time(), power=99_999))
        held(eventually(lambda: evil.answered(digest)), "there is neither receipt nor refusal")
        refused = evil.refused(digest)
        held(refused and not refused.final, "it has a receipt, but it is not stored for its sender")
    held(9_000_001 not in site.stored(METER), "it is stored among the readings of the meter")
    held(len(site.rows("SELECT 1 FROM dead_letter")) == before, "it fills the dead letters")


@attack("takes an id before its owner does; the owner's readings must not get lost", "H1",
        short=False)  # fmt: skip
def squatting(site: Site) -> None:
    with site.evil() as evil, site.adapter(NEIGHBOUR) as adapter:
        first = evil.send(NEIGHBOUR, document(1, time.time()))
        held(eventually(lambda: evil.receipted(first)), "an unplanned meter is not accepted at all")
        for seq in range(2, 7):
            adapter.publish(
                topics.meter(NEIGHBOUR, topics.READING), document(seq, time.time() + seq)
            )
        noticed = eventually(lambda: site.local()["spool"].get("refused", 0) == 5, 60)
        held(noticed, "the owner's Concentrator does not keep what the Cloud refuses")
        alarms = " ".join(site.local()["alarms"])
        held("household" in alarms, f"no alarm tells the owner what is wrong: {alarms}")
        config = str(site.folder / "cloud.toml")
        moved = subprocess.run(
            [sys.executable, "-m", "smartmeter_cloud", "move", NEIGHBOUR, "--household", "h1"]
            + ["--config", config],
            capture_output=True,
            text=True,
        )
        held(moved.returncode == 0, f"an administrator cannot move the meter: {moved.stderr}")
        wanted = set(range(1, 7))
        held(
            eventually(lambda: set(site.stored(NEIGHBOUR)) == wanted, 180),
            "readings that the Concentrator had acknowledged are lost",
        )


@attack("sends for a meter that was planned for another household", "M2")
def planned(site: Site) -> None:
    known = {m["id"] for m in site.call("GET", "v1/physicalMeters", site.admin)[1]}
    status, made = site.call(
        "POST", "v1/meters", site.admin, {"physicalMeter": sorted(known)[0], "household": "h1"}
    )
    held(status in (200, 201), f"a meter cannot be planned: {made}")
    meter = made["id"]
    with site.evil() as evil, site.guest() as guest:
        digest = evil.send(meter, document(1, time.time(), power=1))
        held(eventually(lambda: evil.refused(digest)), "the stranger's reading is not refused")
        own = guest.send(meter, document(2, time.time()))
        held(eventually(lambda: guest.receipted(own)), "the household's own reading is refused")
    held(site.stored(meter) == [2], "the stranger's reading is stored")


@attack("overwrites and deletes the status of another household's adapter", "M1")
def foreign_status(site: Site) -> None:
    def boxes() -> dict[str, str]:
        return dict(site.rows("SELECT name, status FROM box WHERE kind = 'adapter'"))

    with site.guest() as guest, site.evil() as evil:
        own = {"state": "online", "version": "honest"}
        digest = guest.send(METER, own, topics.STATUS)
        held(eventually(lambda: guest.answered(digest)), "an adapter's status is not answered")
        for forged in ({"state": "offline", "last_trouble": "forged"}, b""):
            digest = evil.send(METER, forged, topics.STATUS)
            eventually(lambda d=digest: evil.answered(d), 5)
    found = boxes().get(METER)
    held(found is not None, "the status of the household's adapter is deleted")
    held(found and "forged" not in found, "the status of the household's adapter is overwritten")


@attack("gets a meter's history by being moved to another household", "M2")
def takeover(site: Site) -> None:
    before = len(site.call("GET", "v1/meters", site.honest_key)[1])
    for household in ("h3", "h2"):
        path = f"v1/concentrators/{EVIL}"
        site.call("PUT", path, site.admin, {"household": household})
        status, seen = site.call("GET", "v1/meters", site.evil_key)
        held(status == 200, f"/v1/meters answers {status}")
        held(METER not in {m["id"] for m in seen}, "the attacker sees the other's meter")
    after = len(site.call("GET", "v1/meters", site.honest_key)[1])
    held(after == before, "the household has lost a meter")


@attack("publishes below another Concentrator's id")
def foreign_topics(site: Site) -> None:
    with site.evil() as evil:
        evil.is_in()
        topic = topics.uplink(HONEST, METER, topics.READING)
        for _ in range(3):
            evil.publish(topic, document(9_000_002, time.time()))
        evil.publish(
            topics.concentrator_status(HONEST),
            json.dumps({"state": "forged"}).encode(),
            retain=True,
        )
        own = evil.send("meter-of-b", document(1, time.time()))
        if not eventually(lambda: evil.answered(own), 10):
            evil = site.evil()  # the broker has closed the connection, as it may
            own = evil.send("meter-of-b", document(1, time.time()))
            held(eventually(lambda: evil.answered(own)), "the sender itself is shut out for good")
            evil.stop()
    held(9_000_002 not in site.stored(METER), "it is stored as the other's reading")
    statuses = site.rows("SELECT status FROM box WHERE kind = 'concentrator'")
    held("forged" not in str(statuses), "it is stored as the other's status")
