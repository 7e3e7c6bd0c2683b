"""Blobs as files: where they lie, and what damage and a full disk do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trimtab.errors import StoreError
from trimtab.kit import zstd
from trimtab.stores.blobs.files import FileBlobs

HERE = Path(__file__).parent
HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    return FileBlobs(tmp_path / "blobs")


def only_file(blobs: FileBlobs) -> Path:
    [path] = (path for path in blobs.root.rglob("*") if path.is_file())
    return path


def test_a_blob_lies_under_its_digest_compressed(blobs):
    assert blobs.put(b"hello") == HELLO
    path = only_file(blobs)
    assert path == blobs.root / "b" / "2c" / "f2" / f"{HELLO}.zst"
    assert zstd.decompress(path.read_bytes()) == b"hello"


def test_repetitive_content_takes_a_fraction_of_its_size(blobs):
    blobs.put(b'{"role": "user", "content": "the same again"}' * 10_000)
    assert only_file(blobs).stat().st_size < 1_000


def test_blobs_are_there_after_opening_the_directory_again(blobs):
    blobs.put(b"hello")
    assert FileBlobs(blobs.root).get(HELLO) == b"hello"


@pytest.mark.parametrize("content", [b"", b"no zstd", zstd.compress(b"another content")])
def test_a_damaged_blob_is_an_error_that_names_the_file(blobs, content):
    blobs.put(b"hello")
    only_file(blobs).write_bytes(content)
    with pytest.raises(StoreError, match="damaged") as caught:
        blobs.get(HELLO)
    assert caught.value.where == str(only_file(blobs))


def test_a_full_disk_is_an_error_and_leaves_nothing_behind(blobs):
    child = subprocess.run(
        [sys.executable, HERE / "file_blobs_full_disk.py", blobs.root],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.startswith("refused: a payload of 5000 bytes cannot be stored: File too")
    assert zstd.decompress(only_file(blobs).read_bytes()) == b"after"
