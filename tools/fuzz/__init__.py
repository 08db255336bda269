"""`make fuzz`: damaged telegrams of every form against the core. See __main__.py."""
