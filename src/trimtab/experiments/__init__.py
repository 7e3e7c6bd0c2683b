"""Experiments: a release or any callable, run over a dataset, scored, compared and gated.

Results flow in as scores by example; estimates, comparisons and one verdict flow out as records.
Comparing and judging are pure: the same scores and the same seed give the same verdict.
"""
