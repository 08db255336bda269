"""Smart meters' customer interfaces: bytes in, readings out, on MicroPython and CPython.

from smartmeter import Receiver, Reading, Fault
receiver = Receiver(key=b"16 bytes")
for event in receiver.feed(data): ...      # Reading or Fault
"""

from .fault import KINDS as FAULTS
from .fault import Fault
from .reading import ALLOWED, Reading

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from .receiver import Receiver

__all__ = ("ALLOWED", "FAULTS", "Fault", "Reading", "Receiver")
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Receiver is loaded when it is asked for: a device first connects to its broker."""
    if name == "Receiver":
        from .receiver import Receiver

        return Receiver
    raise AttributeError(name)
