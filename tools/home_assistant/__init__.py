"""`make home-assistant-live`: the real Home Assistant beside a running chain."""
