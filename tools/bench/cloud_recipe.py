"""The plain way to store MQTT messages: paho, manual acknowledgement, executemany ON CONFLICT.

python -m tools.bench.cloud_recipe PORT URL [--only-subscribe]

What a careful person writes in an afternoon: it loses nothing and duplicates nothing. It creates
its table, and collects up to a thousand messages, or those of 50 ms, for a transaction.
"""

# ruff: noqa: S608 (SQL is put together from this file's own constants)

import json
import queue
import sys
import time

import paho.mqtt.client as paho
import psycopg
from smartmeter import ALLOWED
from smartmeter.wire import topics

MANY, WAIT_S = 1000, 0.05
COLUMNS = ["obis_" + code.replace(".", "_") for code in ALLOWED]
TABLE = (
    "CREATE TABLE IF NOT EXISTS reading (meter text, time timestamptz, seq bigint, clock text, "
    f"auth text, {', '.join(c + ' double precision' for c in COLUMNS)}, "
    "PRIMARY KEY (meter, time, seq))"
)
INSERT = (
    f"INSERT INTO reading VALUES ({', '.join(['%s'] * (5 + len(COLUMNS)))}) ON CONFLICT DO NOTHING"
).encode()


def rows(message: paho.MQTTMessage) -> list[tuple[object, ...]]:
    _, meter, _ = topics.parse_uplink(message.topic)
    found = json.loads(message.payload)
    return [
        (meter, r["time"], r["seq"], r["clock"], r["auth"], *(r["values"].get(c) for c in ALLOWED))
        for r in (found if isinstance(found, list) else [found])
    ]


def main() -> None:
    port, url = int(sys.argv[1]), sys.argv[2]
    arrived: queue.SimpleQueue[paho.MQTTMessage] = queue.SimpleQueue()
    client = paho.Client(
        paho.CallbackAPIVersion.VERSION2, "recipe", clean_session=False, manual_ack=True
    )
    client.on_connect = lambda c, *_: c.subscribe(topics.ALL_CONCENTRATORS, 1)
    client.on_message = lambda c, _, message: arrived.put(message)
    subscribed: queue.SimpleQueue[bool] = queue.SimpleQueue()
    client.on_subscribe = lambda *_: subscribed.put(True)
    db = psycopg.connect(url)
    db.execute(TABLE.encode())
    db.commit()
    client.connect("127.0.0.1", port)
    client.loop_start()
    if "--only-subscribe" in sys.argv:
        subscribed.get(timeout=10)
        client.disconnect()
        client.loop_stop()
        return
    while True:
        batch = [arrived.get()]
        until = time.monotonic() + WAIT_S
        while len(batch) < MANY:
            try:
                batch.append(arrived.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        with db.cursor() as cursor:
            cursor.executemany(INSERT, [row for message in batch for row in rows(message)])
        db.commit()
        for message in batch:
            client.ack(message.mid, message.qos)


if __name__ == "__main__":
    main()
