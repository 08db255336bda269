"""Attacks on what the Cloud answers: forged receipts and refusals, other ears, other wills."""

import time

from smartmeter.wire import receipt, refusal, topics

from tools.attack.attacks import attack, held
from tools.attack.client import Client, Login, document, eventually
from tools.attack.site import EVIL, GUEST, HONEST, METER, Site
from tools.certificates import Authority


@attack("forges receipts and refusals for another Concentrator")
def forged_answers(site: Site) -> None:
    with site.guest() as guest, site.evil() as evil:
        guest.is_in()
        evil.is_in()
        digest = receipt.digest("a message of the guest", b"")
        evil.publish(topics.receipts(GUEST), digest)
        for final in (True, False):
            forged = refusal.Refusal(digest, "forged", final, refusal.CONCENTRATOR)
            evil.publish(refusal.topic(GUEST), refusal.encode(forged))
        own = guest.send("meter-of-guest", document(1, time.time()))
        held(eventually(lambda: guest.receipted(own)), "the honest Concentrator has no receipt")
        held(not guest.answered(digest), "the other Concentrator takes the forgery for an answer")
    held(site.local()["spool"].get("refused", 0) == 0, "the honest Concentrator believes it")


@attack("forges receipts and refusals on the LAN")
def forged_on_the_lan(site: Site) -> None:
    with site.adapter(METER) as adapter:
        adapter.is_in()
        forged = refusal.Refusal(bytes(16), "forged", True, refusal.CONCENTRATOR)
        for _ in range(20):
            adapter.publish(refusal.topic(HONEST), refusal.encode(forged))
            adapter.publish(topics.receipts(HONEST), bytes(16 * 10))
    held("forged" not in str(site.local()), "the Concentrator believes it")


@attack("listens to other Concentrators' readings and answers")
def other_ears(site: Site) -> None:
    with site.evil() as evil, site.guest() as guest:
        evil.is_in()
        evil.subscribe(
            "#", "+/#", "concentrator/#", f"cloud/{GUEST}/#", f"cloud/{HONEST}/#", "$SYS/#"
        )
        digest = guest.send("meter-of-guest", document(2, time.time()))
        held(eventually(lambda: guest.receipted(digest)), "the honest Concentrator has no receipt")
        own = f"cloud/{EVIL}/"
        heard = sorted({t for t, _ in evil.got if not t.startswith((own, "$SYS"))})
        held(not heard, f"it hears {', '.join(heard[:3])}")


@attack("lets its last will speak for another, or takes another's client id")
def other_wills(site: Site) -> None:
    with site.guest() as guest:
        guest.is_in()
        before = guest.ends
        will = topics.concentrator_status(GUEST), b'{"state":"forged"}'
        login = site.login(EVIL)
        for client_id, last in (
            (f"concentrator-{EVIL}", will),
            (f"concentrator-{GUEST}", None),
            (GUEST, None),
        ):
            liar = Client(site.broker_port, login, client_id, last)
            eventually(lambda liar=liar: liar.codes, 10)
            # Ended without DISCONNECT, so that a broker publishes the will.
            sock = liar.client.socket()
            if sock:
                sock.close()
            liar.client.loop_stop()
        digest = guest.send("meter-of-guest", document(3, time.time()))
        held(eventually(lambda: guest.receipted(digest)), "the other Concentrator is thrown out")
        held(guest.ends == before, "the other Concentrator was disconnected")
    statuses = str(site.rows("SELECT status FROM box"))
    held("forged" not in statuses, "its will is stored as the other's status")


@attack("logs in with a certificate of another authority, or with a wrong password", short=False)
def strangers(site: Site) -> None:
    own = Authority(site.folder / "other-authority")
    files = (site.ca, *own.issue(HONEST))
    with Client(site.broker_port, Login(files=files), f"concentrator-{HONEST}") as client:
        held(not eventually(client.connected.is_set, 5), "the certificate is accepted")
    for user, password in ((METER, "wrong"), ("adapter", ""), ("", "")):
        with Client(site.lan_port, Login(user, password)) as client:
            held(
                not client.is_in(), f"the LAN broker accepts a wrong password of {user or 'nobody'}"
            )
