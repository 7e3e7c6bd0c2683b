"""Numbers about answers: intervals, tests, power, ranks, overlap, calibration, text.

Pure numpy, rapidfuzz and standard library: arrays and strings in, numbers out. Nothing here does
I/O, keeps state, knows a record or draws a random number without being given the seed. Import the
module by its name, as in `from trimtab.measures import intervals`.
"""
