"""Readings as a Concentrator sends them, published as fast as the broker acknowledges them.

python -m tools.bench.cloud_load PORT METERS COUNT SIZE

COUNT readings of METERS meters in turn; SIZE 1 as single readings, else as arrays of so many.
"""

import json
import sys
import time
from collections.abc import Iterator

from smartmeter.wire import topics

from tools.bench.mqtt_wire import Connection, publish

CONCENTRATOR = "house-1"
BEGIN = int(time.time()) // 86400 * 86400 - 86400  # yesterday's midnight, UTC
STEP_S = 5
WINDOW = 2000  # messages in flight


def reading(meter: int, i: int) -> bytes:
    """The i-th reading of a meter; a house that imports 0 to 4 kW."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(BEGIN + i * STEP_S))
    watts = (i * 37 + meter * 911) % 4000
    return (
        f'{{"time":"{moment}","clock":"meter","seq":{i},"auth":"verified","values":{{'
        f'"1.7.0":{watts},"2.7.0":0,"16.7.0":{watts},"1.8.0":{1136784 + i * 3},"2.8.0":0,'
        f'"3.8.0":3837,"4.8.0":{717736 + i},"31.7.0":{watts / 690:.2f},'
        f'"32.7.0":{229 + i % 30 / 10:.1f},"51.7.0":0.42,"52.7.0":228.8,"71.7.0":0.17,'
        f'"72.7.0":230.2}}}}'
    ).encode()


def messages(meters: int, count: int, size: int) -> Iterator[tuple[str, bytes]]:
    """(topic, payload)."""
    each = count // meters
    for begin in range(0, each, size):
        for meter in range(meters):
            rows = [reading(meter, i) for i in range(begin, min(begin + size, each))]
            specific = topics.READING if size == 1 else topics.READINGS
            payload = rows[0] if size == 1 else b"[" + b",".join(rows) + b"]"
            yield topics.uplink(CONCENTRATOR, f"meter-{meter:04d}", specific), payload


def main() -> None:
    port, meters, count, size = map(int, sys.argv[1:5])
    connection = Connection(port, "load")
    under_way = sent = 0
    out: list[bytes] = []
    for topic, payload in messages(meters, count, size):
        out.append(publish(topic, payload, sent % 65535 + 1))
        sent += 1
        under_way += 1
        if len(out) >= 100 or size > 1:
            connection.socket.sendall(b"".join(out))
            out.clear()
        while under_way > WINDOW // size**0.5:
            under_way -= connection.acknowledged()
    connection.socket.sendall(b"".join(out))
    while under_way:
        under_way -= connection.acknowledged()
    print(json.dumps({"messages": sent}))


if __name__ == "__main__":
    main()
