"""Provisioning in the browser: a page that talks to the board by Web Serial, and what serves it.

The page holds the answers and the serial port. What needs the checks of the firmware or the
Concentrator, it asks of this process, at 127.0.0.1: server.py lists the requests.
"""
