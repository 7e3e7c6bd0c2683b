"""Governance: who may do what.

Headers come in, a principal with a project and permissions comes out. Stations see only the result.
"""
