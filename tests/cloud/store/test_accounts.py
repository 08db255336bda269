"""Keys, downloads, audit log and sums of all households, over both databases."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
from smartmeter_cloud.api.keys import FIRST_NAME, digest, new_key, now_ms
from smartmeter_cloud.history.timestamps import rfc3339
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.store.postgresql import PostgresStore
from smartmeter_cloud.store.slices import HOUR_MS
from smartmeter_cloud.store.sql import SqlStore

from tests.cloud.harness import encoded, reading
from tests.cloud.stores import Opens, opens, store
from tools.environment.postgresql import Postgres

__all__ = ["opens", "store"]


def test_what_a_key_made_is_removed_with_it(store: SqlStore) -> None:
    root, _ = new_key("root", "admin", None, None)
    other, _ = new_key("other", "admin", None, None)
    child, _ = new_key("child", "admin", None, 1, parent=root.digest)
    session, _ = new_key("session", "admin", None, 1, session=True, parent=child.digest)
    for key in (root, other, child, session):
        assert store.add_key(key)
    assert store.key(session.digest, now_ms()) == session
    for text, parent in (("a", session.digest), ("b", other.digest), ("c", None)):
        store.keep_download(digest(text), "query", now_ms() + 60_000, parent)
    store.remove_key(root.digest)
    assert store.access_keys() == [other]
    assert not store.add_key(new_key("late", "admin", None, None, parent=root.digest)[0])
    store.keep_download(digest("late"), "query", now_ms() + 60_000, root.digest)
    found = [store.download(digest(text), now_ms()) for text in ("a", "b", "c", "late")]
    assert found == [None, "query", "query", None]


def test_a_key_made_while_its_maker_is_removed_does_not_stay(opens: Opens) -> None:
    store, other = opens(), opens()
    for _ in range(10):
        root, _ = new_key("root", "admin", None, None)
        store.add_key(root)
        children = [new_key("child", "admin", None, 1, parent=root.digest)[0] for _ in range(8)]
        with ThreadPoolExecutor() as pool:
            made = pool.map(other.add_key, children)
            store.remove_key(root.digest)
            assert set(made) <= {True, False}  # and no error
        assert store.access_keys() == []


def test_first_links_are_removed_and_keys_of_that_name_are_not(store: SqlStore) -> None:
    link, _ = new_key(FIRST_NAME, "admin", None, 1, once=True)
    key, _ = new_key(FIRST_NAME, "admin", None, 1)
    store.add_key(link)
    store.add_key(key)
    store.remove_links(FIRST_NAME)
    assert store.access_keys() == [key]


def test_the_audit_log_by_household(store: SqlStore) -> None:
    for i, household in enumerate(("a", None, "b", "a")):
        store.note(i, "who", f"what {i}", household)
    assert [what for _, _, what in store.notes(9)] == ["what 3", "what 2", "what 1", "what 0"]
    assert [what for _, _, what in store.notes(9, frozenset("a"))] == ["what 3", "what 0"]
    assert [what for _, _, what in store.notes(1, frozenset("ab"))] == ["what 3"]
    assert store.notes(9, frozenset()) == []


def test_sums_are_frozen_with_their_households(store: SqlStore) -> None:
    start = 1790071200_000 // HOUR_MS * HOUR_MS
    batch = MessageBatch()
    for n in range(21):
        store.place_concentrator(f"c{n}", f"h{n}")
        for seq, minutes in enumerate((0, 10)):
            moment = reading(seq, None, v1_8_0=1000 + seq * 10, v2_8_0=500 + seq * (n < 20))
            moment["time"] = rfc3339(start + minutes * 60_000)
            topic = f"concentrator/c{n}/smartMeterMessage/m{n}/reading"
            batch.add(topic, encoded(moment), start)
    store.write(batch)
    while store.roll(500, 2**60):
        pass
    later = start + 30 * HOUR_MS

    def sums(*households: str) -> list[tuple[int, float, float | None]]:
        found = store.sums(start, start + HOUR_MS, frozenset(households), later)
        return [(one.households, one.drawn, one.fed) for one in found]

    assert sums() == [], "the meters are new"
    with store._writing() as db:
        db.run("UPDATE meter SET added = 0")
    assert sums() == [(21, 210, 20)]
    assert sums("h3") == [(21, 210, None)]  # 19 others exported
    assert sums("h3", "h4") == []
    assert sums("h20") == [(21, 210, 20)]
    store.forget_meter("m3")
    store.name_meter("m4", None, "h99")
    assert sums("h3") == [(21, 210, None)]
    assert sums("h3", "h4") == []
    with store._writing() as db:
        kept = db.all("SELECT DISTINCT drawn, fed FROM told_household ORDER BY fed")
    assert kept == [(1, 0), (1, 1)], "what each household used is not kept"


def test_a_database_without_an_encoding_gives_text(postgres: Postgres) -> None:
    """A PostgreSQL that was made with the locale C has SQL_ASCII."""
    postgres.create("ascii")
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as db:
        db.execute("DROP DATABASE ascii")
        db.execute("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
    store = PostgresStore(postgres.url("ascii"))
    store.place_concentrator("house-1", "müller")
    assert store.concentrators() == {"house-1": "müller"}
    store.close()
