"""The demo: the whole loop against a real server, over HTTP, with simulated users.

It starts `trimtab serve`, asks it real questions, lets users judge the answers, and takes the
decision the numbers allow. Nothing the loop shows is written down beforehand; what comes after it,
for the other pages, is marked `demo`.
"""
