"""`trimtab serve` that must obey the permissions of files, also when it runs as root.

Usage: powerless_serve.py serve ARGUMENTS...
"""

from __future__ import annotations

import ctypes
import os

from trimtab.cli.shell import main


def forgo_power_over_files() -> None:
    """Be subject to the permissions of files from here on, also as root; Linux's capset(2)."""
    overriding = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.capget(header, data) == 0
    for at in (0, 1):  # effective, permitted
        data[at] &= ~overriding
    assert libc.capset(header, data) == 0, os.strerror(ctypes.get_errno())


if __name__ == "__main__":
    forgo_power_over_files()
    main()
