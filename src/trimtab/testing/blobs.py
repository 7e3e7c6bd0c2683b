"""What every blob store does, as tests: subclass and provide the fixture `blobs`.

    class TestMyBlobs(BlobStoreContract):
        @pytest.fixture
        def blobs(self):
            return MyBlobs()

        @pytest.fixture
        def restored(self):
            return MyBlobs.restored_from

`blobs` is empty and shared by the threads of a test; `restored` opens a backup.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trimtab.errors import NotFound
from trimtab.ports import BlobStore

CONTENTS = (b"", b"\x00", b"text", bytes(range(256)) * 4_000, "שלום 👩‍🚀".encode())
NOT_DIGESTS = ("", "abc", "../../../../etc/passwd", "A" * 64, "\x00" * 64, "0" * 63 + "/")


class BlobStoreContract:
    @pytest.mark.parametrize("content", CONTENTS, ids=range(len(CONTENTS)))
    def test_what_was_put_is_got_back_byte_for_byte(self, blobs: BlobStore, content: bytes) -> None:
        assert blobs.get(blobs.put(content)) == content

    def test_the_name_of_a_blob_is_the_sha256_of_its_content(self, blobs: BlobStore) -> None:
        assert blobs.put(b"content") == hashlib.sha256(b"content").hexdigest()

    def test_putting_the_same_content_again_is_the_same_blob(self, blobs: BlobStore) -> None:
        assert blobs.put(b"same") == blobs.put(b"same")
        assert blobs.get(blobs.put(b"same")) == b"same"

    def test_an_absent_blob_is_not_found(self, blobs: BlobStore) -> None:
        absent = hashlib.sha256(b"never stored").hexdigest()
        assert not blobs.exists(absent)
        with pytest.raises(NotFound):
            blobs.get(absent)

    @pytest.mark.parametrize("digest", NOT_DIGESTS)
    def test_what_is_no_digest_names_no_blob(self, blobs: BlobStore, digest: str) -> None:
        blobs.delete(digest)
        assert not blobs.exists(digest)
        with pytest.raises(NotFound):
            blobs.get(digest)

    def test_a_deleted_blob_is_gone_and_can_be_put_again(self, blobs: BlobStore) -> None:
        digest = blobs.put(b"content")
        assert blobs.exists(digest)
        blobs.delete(digest)
        blobs.delete(digest)
        assert not blobs.exists(digest)
        blobs.put(b"content")
        assert blobs.get(digest) == b"content"

    def test_many_threads_may_put_the_same_and_different_content(self, blobs: BlobStore) -> None:
        contents = [b"content %d" % (number % 7) * 500 for number in range(70)]
        with ThreadPoolExecutor(8) as threads:
            digests = list(threads.map(blobs.put, contents))
        assert [blobs.get(digest) for digest in digests] == contents

    def test_a_backup_holds_what_is_deleted_later(
        self, blobs: BlobStore, tmp_path: Path, restored: Callable[[Path], BlobStore]
    ) -> None:
        digests = [blobs.put(b"one"), blobs.put(b"two")]
        blobs.backup(tmp_path / "copy")
        blobs.delete(digests[0])
        copy = restored(tmp_path / "copy")
        assert [copy.get(digest) for digest in digests] == [b"one", b"two"]
