"""Pretends to be a meter that home batteries and wallboxes can read: [[emulate]] in the settings.

The emulated protocols know neither TLS nor passwords. So everything here is off by default, read
only, bounded, and answers only the household's own network.
"""
