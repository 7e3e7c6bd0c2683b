"""Releases: what may answer behind a route, and the rules of its life.

A bundle comes in as a draft; evidence (a run with a verdict) and a principal move it on; a live
release goes to the gateway through the store. No release goes live on a failed or inconclusive gate
unless somebody says why, and that is on record.
"""
