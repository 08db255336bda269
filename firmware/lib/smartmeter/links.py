"""The link layers that the Receiver knows, by name."""

LINKS = ("mbus", "hdlc", "sml", "p1", "iec62056", "tic", "wrapper", "kmp", "apdu")
