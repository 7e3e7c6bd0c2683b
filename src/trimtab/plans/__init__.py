"""Plans: fixed flows of several steps, run step by step, each durable before the next begins.

A declaration goes in; a run comes out, with a record of each step, from which it goes on after a
crash and is replayed exactly. Models are asked through `asking.Ask`, which the application gives.
"""
