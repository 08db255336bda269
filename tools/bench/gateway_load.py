"""The two ends of a chain under load, as processes: the sender, and the store with receipts.

python -m tools.bench.gateway_load send PORT METERS RATE COUNT [WINDOW]
python -m tools.bench.gateway_load store PORT COUNT CONCENTRATOR

The sender publishes COUNT readings of METERS meters at RATE a second (0: as fast as they are
acknowledged); the store commits to a set of (meter, seq), sends receipts, and ends when it has
COUNT of them. Each prints one line of JSON at its end.
"""

import json
import select
import sys
import time
from typing import Any

from smartmeter.wire import receipt, topics

from tools.bench.mqtt_wire import Connection, Publish, puback, publish

_VALUES = (
    '"1.7.0":133,"2.7.0":0,"16.7.0":133,"1.8.0":1136784,"2.8.0":0,"3.8.0":3837,"4.8.0":717736,'
    '"31.7.0":0.99,"32.7.0":229.4,"51.7.0":0.42,"52.7.0":228.8,"71.7.0":0.17,"72.7.0":230.2'
)


def reading(seq: int) -> bytes:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(1790000000 + seq // 100))
    return (
        f'{{"time":"{moment}","clock":"meter","seq":{seq},"auth":"verified",'
        f'"values":{{{_VALUES}}}}}'
    ).encode()


def send(port: int, meters: int, rate: float, count: int, window: int = 2000) -> dict[str, Any]:
    connection = Connection(port, "load")
    connection.socket.setblocking(False)
    names = [topics.meter(f"meter-{i:04d}", topics.READING) for i in range(meters)]
    sent = acknowledged = 0
    pending = b""
    begin = time.monotonic()
    while acknowledged < count:
        due = count if not rate else min(count, int((time.monotonic() - begin) * rate) + 1)
        n = min(due - sent, window - (sent - acknowledged), 200)
        if n > 0 and not pending:
            pending = b"".join(
                publish(names[i % meters], reading(i // meters), i % 65535 + 1)
                for i in range(sent, sent + n)
            )
            sent += n
        readable, writable, _ = select.select(
            [connection.socket], [connection.socket] if pending else [], [], 0.002
        )
        if writable:
            pending = pending[connection.socket.send(pending) :]
        if readable:
            acknowledged += connection.acknowledged()
    seconds = time.monotonic() - begin
    return {"sent": count, "seconds": seconds, "rate": count / seconds}


def store(port: int, count: int, concentrator: str) -> dict[str, Any]:
    connection = Connection(port, "store", clean=False)
    connection.subscribe(topics.ALL_CONCENTRATORS)
    have: set[tuple[str, int]] = set()
    taken = 0
    first = last = 0.0
    started = time.process_time()
    while len(have) < count:
        digests, answer = [], []
        for message in connection.arrived():
            if not isinstance(message, Publish):
                continue
            topic, payload = message.topic, message.payload
            answer.append(puback(message.packet_id))
            _, meter, specific = topics.parse_uplink(topic)
            if specific == topics.STATUS or meter is None:
                continue
            found = json.loads(payload)
            if isinstance(found, dict):
                found = [found]
            have.update((meter, r["seq"]) for r in found)
            taken += len(found)
            digests.append(receipt.digest(topic, payload))
            last = time.monotonic()
            first = first or last
        if digests:
            # One receipts message for many: at most 4 000 digests, well below 64 kB.
            answer.append(publish(topics.receipts(concentrator), b"".join(digests), 1))
        if answer:
            connection.socket.sendall(b"".join(answer))
    return {
        "stored": len(have),
        "twice": taken - len(have),
        "seconds": last - first,
        "rate": len(have) / (last - first),
        "cpu": time.process_time() - started,
    }


def main(arguments: list[str]) -> None:
    what, *rest = arguments
    if what == "send":
        found = send(int(rest[0]), int(rest[1]), float(rest[2]), *(int(x) for x in rest[3:]))
    else:
        found = store(int(rest[0]), int(rest[1]), rest[2])
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
