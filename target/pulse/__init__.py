"""Pulse: a small app in Python and in Node whose every answer says its version, to watch releases by."""
