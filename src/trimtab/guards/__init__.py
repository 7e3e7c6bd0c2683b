"""Guards: policies of rules over signals, as the gateway's hooks ask them.

A policy and its signals go in, guards for one call come out. It never calls a provider by itself
and stores nothing; what was found is said in places and kinds, never in the text's own words.
"""
