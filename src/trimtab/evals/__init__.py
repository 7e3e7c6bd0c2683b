"""Evaluations on the side of whoever asks for them: suites become runs, and runs a verdict.

The second composition root, beside `app`: it resolves what a suite names (rows, tasks, judges,
scorers) to objects, has the engine run them, and sends what came of it to a server.
"""
