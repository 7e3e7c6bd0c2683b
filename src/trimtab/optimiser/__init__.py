"""Optimise: a better version of a prompt, found within a budget and proved before it is kept.

A prompt, rows and metrics go in; a version that is proved better on rows that the search never saw
comes out, or none. It runs in the caller's process against a server, as `evals` does, and names no
adapter. Candidates are in memory and in the journal of the job; the registry gets the winner alone.
"""
