"""Datasets: versioned examples, written by hand, imported, or curated from what production taught.

Rows and judged calls come in; immutable versions go to the store. Nothing here decides what is a
failure: a score does.
"""
