"""Replays, also across restarts and kills: nothing is doubled, and nothing is lost."""

import time
from datetime import UTC, datetime

from smartmeter.wire import topics

from tools.attack.attacks import attack, held
from tools.attack.client import document, eventually
from tools.attack.site import CIPHERED, FORM, METER, NEIGHBOUR, Site
from tools.meters import forms
from tools.meters.household import Household


@attack("repeats recorded messages to the Cloud and on the LAN, before and after restarts")
def messages(site: Site) -> None:
    now = time.time()
    recorded = [document(200_000 + i, now - 100 + i) for i in range(10)]

    def sent() -> None:
        with site.guest() as guest:
            digests = [guest.send("meter-of-guest", r) for r in recorded]
            for r in recorded:
                site.honest.client.publish(topics.meter(METER, topics.READING), r)
            held(eventually(lambda: all(map(guest.receipted, digests)), 60), "it has no receipt")

    def counted() -> tuple[int, int]:
        return tuple(  # type: ignore[return-value]
            sum(200_000 <= seq < 200_010 for seq in site.stored(meter))
            for meter in ("meter-of-guest", METER)
        )

    sent()
    held(eventually(lambda: counted() == (10, 10)), "they do not arrive the first time")
    site.cloud.kill()
    site.concentrator.kill()
    site.cloud.start()
    site.concentrator.start()
    sent()
    time.sleep(3)
    held(counted() == (10, 10), "a repeated reading is stored twice")


@attack("replays authenticated telegrams after a restart of the Concentrator", "M8")
def telegrams(site: Site) -> None:
    meter = forms.make(FORM, Household(1))
    topic = topics.meter(CIPHERED, topics.CIPHERED)
    recorded = [meter.telegram(datetime.now(UTC)) for _ in range(30)]
    old, new = recorded[:20], recorded[20:]
    with site.adapter(CIPHERED) as adapter:
        for wire, _ in new:
            adapter.publish(topic, wire)
        wanted = {truth["seq"] for _, truth in new}
        held(eventually(lambda: wanted <= set(site.stored(CIPHERED)), 40), "real ones are refused")
        site.concentrator.kill()
        site.concentrator.start()
        eventually(adapter.connected.is_set)
        # Never seen before, authentic, and older than what was seen.
        for wire, _ in old:
            adapter.publish(topic, wire)
        fresh, truth = meter.telegram(datetime.now(UTC))
        adapter.publish(topic, fresh)
        arrived = eventually(lambda: truth["seq"] in site.stored(CIPHERED), 60)
        held(arrived, "after the replay real telegrams are refused")
    replayed = {truth["seq"] for _, truth in old} & set(site.stored(CIPHERED))
    held(not replayed, f"{len(replayed)} replayed telegrams became readings")


@attack("kills every server in a flood; nothing that was acknowledged is lost", short=False)
def kills(site: Site) -> None:
    with site.adapter(NEIGHBOUR) as evil:
        for _ in range(3):
            for seq in range(500):
                evil.publish(topics.meter(NEIGHBOUR, topics.READING), document(seq, time.time()))
            for box in (site.cloud, site.concentrator):
                box.kill()
                time.sleep(1)
                box.start()
                time.sleep(6)
    wanted = site.honest.acknowledged()
    found = eventually(lambda: wanted <= set(site.stored(METER)), 120)
    lost = sorted(wanted - set(site.stored(METER)))
    held(found, f"readings of the other adapter are lost: {lost[:10]}")
    seqs = site.stored(METER)
    held(len(seqs) == len(set(seqs)), "a reading is stored twice")
