"""`make bench`: our times and memory, next to those of others. See __main__.py."""
