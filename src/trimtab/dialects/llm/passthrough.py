"""Any other path of OpenAI's API (images, audio, files, batches ...): bodies pass untouched.

A body is read for what admission needs: the model it names, in JSON or in a field of a form. Guards
read and replace what is JSON.
Files in a form are skipped over by their boundary, never decoded.
"""

from __future__ import annotations

from typing import Any

from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.fields import field, fields_of, text_bytes
from trimtab.dialects.llm.passthrough_form import spans, text_at
from trimtab.dialects.llm.passthrough_reader import Reader
from trimtab.dialects.llm.untranslated import Untranslated
from trimtab.dialects.multipart import boundary_of
from trimtab.errors import InvalidRequest

_FORM = "multipart/form-data"
_READ = ("model", "stream", "user", "prompt", "input")


def read(body: bytes, content_type: str) -> Envelope:
    """A request as far as it can be read; `model` is "" where it names none.

    The envelope's fields are those of a JSON object, and its `body()` is for JSON only: send the
    bytes that came, or those of `renamed`.

    Raises:
        InvalidRequest: what says it is JSON or a form is not, or it names two models, of which a
            provider might take the other.
    """
    kind = _kind(content_type)
    if kind == _FORM:
        return _read_form(body, boundary_of(content_type))
    if not body.lstrip().startswith(b"{"):
        return Envelope(model="")
    try:
        return _read_json(body)
    except InvalidRequest:
        if "json" in kind:
            raise
        return Envelope(model="")


def renamed(body: bytes, content_type: str, model: str) -> bytes:
    """The body with `model` in place of the one it names; the same bytes if it is the same.

    In a form only the bytes of that field change; in JSON every field keeps its own. A body that
    names no model stays as it is.
    """
    if _kind(content_type) == _FORM:
        for span in spans(body, boundary_of(content_type)):
            if span.name == "model" and text_at(body, span) != model:
                return body[: span.start] + model.encode() + body[span.end :]
        return body
    envelope = read(body, content_type)
    changes = {"model": model} if envelope.model not in ("", model) else {}
    return envelope.body(**changes) if changes or envelope.trimtab else body


class Passthrough(Untranslated):
    """See `dialect.Dialect`. Prefer `read` to `envelope`: it is told the content type."""

    name = "passthrough"

    def envelope(self, body: bytes) -> Envelope:
        return read(body, _sniffed(body))

    def messages(self, envelope: Envelope) -> list[Any]:
        """What was asked in words, where a JSON body has some."""
        said = (field(envelope.fields, name, Any) for name in ("prompt", "input"))
        return [{"role": "user", "content": one} for one in said if isinstance(one, str)]

    def reader(self) -> Reader:
        return Reader()


PASSTHROUGH = Passthrough()


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _sniffed(body: bytes) -> str:
    if not body.startswith(b"--"):
        return "application/json"
    boundary = body[2:100].partition(b"\r\n")[0].rstrip().decode("latin-1")
    return f'{_FORM}; boundary="{boundary}"'


def _read_json(body: bytes) -> Envelope:
    fields, own = fields_of(body)
    user = field(fields, "user", Any)
    return Envelope(
        model=field(fields, "model", str | None) or "",
        stream=field(fields, "stream", Any) is True,
        user=user if isinstance(user, str) else None,
        trimtab=own,
        fields=fields,
        text_bytes=text_bytes(fields, "prompt", "input"),
    )


def _read_form(body: bytes, boundary: bytes) -> Envelope:
    values: dict[str, str] = {}
    for span in spans(body, boundary):
        if span.name not in _READ:
            continue
        if span.name == "model" and "model" in values:
            raise InvalidRequest(
                "the form has two fields 'model'", where="model", fix="send one of them"
            )
        values[span.name] = text_at(body, span)
    return Envelope(
        model=values.get("model", ""),
        stream=values.get("stream", "").lower() in ("true", "1"),
        user=values.get("user"),
        text_bytes=sum(len(values.get(name, "")) for name in ("prompt", "input")),
    )
