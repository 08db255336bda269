"""What a client found is compared with what has to hold."""


class NotHeld(Exception):
    """What did not hold; one sentence, or what the client printed."""


def hold(is_so: object, otherwise: str) -> None:
    """Raises NotHeld with that text unless it is so."""
    if not is_so:
        raise NotHeld(otherwise)
