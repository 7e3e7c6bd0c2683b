"""Disks that are full or may not be written, for a server that runs."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import pytest

MIB = 1024 * 1024


class Disk(Protocol):
    """Takes away what space is left, and gives it back."""

    def fill(self, pid: int) -> None: ...
    def clear(self, pid: int) -> None: ...


class SmallDisk:
    """A file system in memory, of a few megabytes; a large file fills it."""

    def __init__(self, directory: Path) -> None:
        self._ballast = directory / "ballast"

    def fill(self, pid: int) -> None:
        del pid
        with self._ballast.open("ab") as file:
            while (free := os.statvfs(self._ballast.parent)).f_bavail:
                size = os.fstat(file.fileno()).st_size
                # what the process wrote in the meantime is missing: then there is less to take
                with suppress(OSError):
                    os.posix_fallocate(file.fileno(), size, free.f_bavail * free.f_frsize)

    def clear(self, pid: int) -> None:
        del pid
        self._ballast.unlink(missing_ok=True)


class SmallFiles:
    """No write of the process gets anywhere, for its files are as large as they may be."""

    def fill(self, pid: int) -> None:
        self._limit(pid, 10)

    def clear(self, pid: int) -> None:
        self._limit(pid, resource.RLIM_INFINITY)

    def _limit(self, pid: int, size: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextmanager
def small_disk(directory: Path, *, mib: int) -> Iterator[SmallDisk]:
    """Mount a file system of so many megabytes, which only root may do."""
    directory.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(directory))
    try:
        yield SmallDisk(directory)
    finally:
        _unmount(directory)


@contextmanager
def read_only(directory: Path) -> Iterator[None]:
    """Let nobody write in a directory, not even root."""
    if os.geteuid() != 0:
        directory.chmod(0o500)
        try:
            yield
        finally:
            directory.chmod(0o700)
        return
    _mount("--bind", str(directory), str(directory))
    try:
        _mount("-o", "remount,bind,ro", str(directory))
        yield
    finally:
        _unmount(directory)


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"platform: this user may not mount: {done.stderr.strip()}")


def _unmount(directory: Path) -> None:
    subprocess.run(["umount", "--lazy", str(directory)], check=True)
