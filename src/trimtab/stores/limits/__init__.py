"""Quotas: in this process, over a socket for the processes of a machine, or in a server."""
