"""Smart meters' customer interfaces: bytes in, readings out, on MicroPython and CPython.

from smartmeter import Receiver, Reading, Fault
receiver = Receiver(key=b"16 bytes")
for event in receiver.feed(data): ...      # Reading or Fault
"""

from .fault import KINDS as FAULTS
from .fault import Fault
from .reading import ALLOWED, Reading
from .receiver import Receiver

__all__ = ("ALLOWED", "FAULTS", "Fault", "Reading", "Receiver")
__version__ = "0.1.0"
