"""Images, documents, sounds and films as content blocks of Bedrock's Converse.

Source: docs.aws.amazon.com/bedrock/latest/APIReference (ImageBlock, DocumentBlock, AudioBlock,
VideoBlock).
"""

from __future__ import annotations

import re
from typing import Any

from trimtab.dialects.llm.question import MediaContent
from trimtab.errors import InvalidRequest

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9()\[\]-]+")
# By media type: the member of a content block, and its format there.
_FORMATS = {
    "application/msword": ("document", "doc"),
    "application/pdf": ("document", "pdf"),
    "application/vnd.ms-excel": ("document", "xls"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ("document", "xlsx"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("document", "docx"),
    "audio/aac": ("audio", "aac"),
    "audio/flac": ("audio", "flac"),
    "audio/mp3": ("audio", "mp3"),
    "audio/mp4": ("audio", "mp4"),
    "audio/mpeg": ("audio", "mp3"),
    "audio/ogg": ("audio", "ogg"),
    "audio/opus": ("audio", "opus"),
    "audio/wav": ("audio", "wav"),
    "audio/webm": ("audio", "webm"),
    "audio/x-wav": ("audio", "wav"),
    "image/gif": ("image", "gif"),
    "image/jpeg": ("image", "jpeg"),
    "image/jpg": ("image", "jpeg"),
    "image/png": ("image", "png"),
    "image/webp": ("image", "webp"),
    "text/csv": ("document", "csv"),
    "text/html": ("document", "html"),
    "text/markdown": ("document", "md"),
    "text/plain": ("document", "txt"),
    "video/mp4": ("video", "mp4"),
    "video/mpeg": ("video", "mpeg"),
    "video/quicktime": ("video", "mov"),
    "video/webm": ("video", "webm"),
    "video/x-matroska": ("video", "mkv"),
}


def media_block(media: MediaContent, *, number: int) -> dict[str, Any]:
    """The block of one file; `number` tells the documents of a request apart.

    Raises:
        InvalidRequest: it is of a type, or at an address, that Bedrock does not read.
    """
    member, kind = _format(media)
    source: dict[str, Any] = {"bytes": media.data}
    if media.data is None:
        if not (media.url or "").startswith("s3://"):
            raise InvalidRequest(
                "Bedrock reads no files from the web",
                where="messages",
                fix="send the file as base64, or by an s3:// address",
            )
        source = {"s3Location": {"uri": media.url}}
    block: dict[str, Any] = {"format": kind, "source": source}
    if member == "document":
        name = _NOT_IN_A_NAME.sub(" ", media.name or "").strip()[:150]
        block["name"] = f"{name or 'document'} {number}"  # unique in a conversation
    return {member: block}


def _format(media: MediaContent) -> tuple[str, str]:
    found = _FORMATS.get(media.media_type.partition(";")[0].strip().lower())
    if found is None:
        raise InvalidRequest(
            f"Bedrock reads no files of type {media.media_type or '(none given)'}",
            where="messages",
            fix="send an image, a document, a sound or a video with its media type",
        )
    return found
