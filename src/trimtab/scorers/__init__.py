"""Scorers: each judges one subject and returns scores.

A scorer is a function under `@scorer` (`definition`); the built-ins are one file each, found by
name through `registry`. A scorer sees one subject and nothing else: it keeps no state, opens no
store, and says "unscored" when what it needs is not there.
"""
