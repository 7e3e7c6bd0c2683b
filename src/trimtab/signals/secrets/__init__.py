"""Secrets: keys by their vendor's shape, and passwords by the words before them."""
