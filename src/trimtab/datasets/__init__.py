"""Datasets: versioned examples, from files, traces and queries, or curated from failures.

Rows come in as a stream and are stored as a stream; versions never change. Here too: how versions
differ, which rows repeat each other, and which rows another set knows. Nothing here decides what is
a failure: a score does.
"""
