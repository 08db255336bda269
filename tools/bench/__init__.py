"""`make bench`: what the parts cost, beside others that do the same. See __main__.py."""
