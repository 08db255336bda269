"""The adapter's messages on the USB console; `tools.provision` and people read them."""


def say(stage: str, text: str) -> None:
    """One line; stage is the part: settings, network, clock, broker, meter, adapter."""
    print("adapter: %s: %s" % (stage, text))
