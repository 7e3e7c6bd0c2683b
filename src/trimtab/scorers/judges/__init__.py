"""Judges: scorers that ask a model, each over one of five primitives.

`asking` has a model answer by a schema or not at all. The primitives are `checklist`, `claims`,
`choice`, `ordinal` and `pairwise`; every judge is one of them with its words. What a judge cannot
say is unscored with the reason, never a number.
"""
