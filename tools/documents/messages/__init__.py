"""Describes every message of the chain: docs/messages.md, docs/asyncapi.json, docs/schemas/.

forms.py has the fields, channels.py the topics; the rest writes them down.
"""
