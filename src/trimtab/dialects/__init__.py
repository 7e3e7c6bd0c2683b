"""Wire shapes of the model APIs: bytes to values and back, pure and shared.

The gateway reads callers and providers through a dialect; an embedded model writes its answer in
one. Nothing here does I/O or knows who is on the other side.
"""
