"""The adapter's messages on the USB console; `tools.provision` and people read them."""

import os


def say(stage: str, text: str) -> None:
    """One line; stage is the part: settings, network, clock, broker, meter, adapter, memory."""
    print("adapter: %s: %s" % (stage, text))


def advise() -> None:
    """After a MemoryError: says what helps if the sources are on the board.

    The names of frozen modules end in .py, too, but no file has such a name.
    """
    if __file__.endswith(".py"):
        try:
            os.stat(__file__)
        except OSError:
            return
        # in one piece, as memory is short
        print(
            "adapter: memory: the sources need more than this board has; flash the compiled "
            "firmware: python -m tools.flash, or smartmeter-provision"
        )
