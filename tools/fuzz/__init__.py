"""`make fuzz`: damaged telegrams of every format against the core. See __main__.py."""
