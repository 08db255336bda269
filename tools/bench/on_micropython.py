# micropython -m on_micropython TELEGRAMS WHAT SIZE COUNT KEY AUTH_KEY
# Runs under MicroPython for micropython.py: reads telegrams of SIZE bytes each from the file
# TELEGRAMS into a Receiver, and prints figures as one line of JSON. KEY and AUTH_KEY are the
# virtual meter's test keys in hexadecimal, "-" for none.
import binascii
import gc
import json
import sys
import time

name, what, size, count, key, auth_key = sys.argv[1:]
size = int(size)
count = int(count)
key = None if key == "-" else binascii.unhexlify(key)
auth_key = None if auth_key == "-" else binascii.unhexlify(auth_key)
PIECE = 64


def allocated():
    gc.collect()
    return gc.mem_alloc()


def read_one(receiver, stream, buffer):
    """Feeds one telegram in pieces; gives its event."""
    left = size
    events = []
    while left:
        n = stream.readinto(buffer, left if left < PIECE else PIECE)
        left -= n
        events += receiver.feed(buffer if n == PIECE else buffer[:n])
    if len(events) != 1 or not hasattr(events[0], "values"):
        raise ValueError(events)
    return events[0]


def many(receiver, stream, buffer):
    """(garbage of one telegram, us of one, growth over all)"""
    for _ in range(100):
        read_one(receiver, stream, buffer)
    garbage = spent = first = 0
    for _ in range(16):
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        read_one(receiver, stream, buffer)
        garbage += gc.mem_alloc() - before
        gc.enable()
    first = allocated()
    for _ in range(count):
        begin = time.ticks_us()
        read_one(receiver, stream, buffer)
        spent += time.ticks_diff(time.ticks_us(), begin)
    return garbage // 16, spent // count, allocated() - first


if what == "modules":  # the names are in a file beside the telegrams: too long for an argument
    heaps = []
    with open(name.rpartition("/")[0] + "/order") as order:
        for module in order.read().split():
            before = allocated()
            __import__(module)
            heaps.append((module, allocated() - before))
    print(json.dumps({"heaps": heaps}))
    sys.exit()

buffer = bytearray(PIECE)
stream = open(name, "rb")  # noqa: SIM115
before = allocated()
from smartmeter import Receiver  # noqa: E402

imported = allocated() - before
receiver = Receiver(key=key, auth_key=auth_key)
read_one(receiver, stream, buffer)
found = {"import": imported, "loaded": allocated() - before}
found["modules"] = [module for module in sys.modules if module.startswith("smartmeter")]

if what == "least":  # a few more, as a heap that is just enough for the first is not enough
    for _ in range(20):
        read_one(receiver, stream, buffer)
if what == "many":
    found["garbage"], found["us"], found["growth"] = many(receiver, stream, buffer)

print(json.dumps(found))
