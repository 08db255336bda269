"""What the adapter says on the USB console; `tools.provision` and people read it."""


def say(stage: str, text: str) -> None:
    """One line; stage is where in the chain: settings, network, clock, broker, meter, adapter."""
    print("adapter: %s: %s" % (stage, text))
