"""HTTP surface: bytes to calls of the stations and back, one thin file per station.

`table.py` lists every route with the permission it needs; `asgi.py` turns the table into one ASGI
application that authenticates, limits, and answers errors in the caller's dialect. No rule of the
domain lives here.
"""
