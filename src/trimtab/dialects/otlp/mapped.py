"""OpenTelemetry's span message, declared so that its attributes come as a map of bytes.

On the wire `map<string, bytes>` and `repeated KeyValue` are the same, for an attribute is a key (1)
and a message (2). Read as a map, an attribute costs two objects less, which halves the cost of
decoding a span; the price is that attributes come without order, which OpenTelemetry gives none.
Source: https://protobuf.dev/programming-guides/proto3/#backwards
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import Default
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.trace.v1 import trace_pb2

_PACKAGE = "trimtab.otlp"
_ENTRY = "AttributesEntry"


def _declared() -> Any:
    """OpenTelemetry's own declaration, with another type for `attributes`."""
    file = FileDescriptorProto()
    trace_pb2.DESCRIPTOR.CopyToProto(file)
    file.name, original, file.package = "trimtab/otlp.proto", file.package, _PACKAGE
    for message in file.message_type:
        _declare(message, f".{_PACKAGE}.{message.name}", f".{original}.")
    return Default().AddSerializedFile(file.SerializeToString())


def _declare(message: DescriptorProto, name: str, original: str) -> None:
    for nested in message.nested_type:
        _declare(nested, f"{name}.{nested.name}", original)
    for field in message.field:
        if field.type_name.startswith(original):
            field.type_name = f".{_PACKAGE}.{field.type_name.removeprefix(original)}"
        if field.name == "attributes":
            field.type_name = f"{name}.{_ENTRY}"
            entry = message.nested_type.add(name=_ENTRY)
            entry.options.map_entry = True
            kinds = (FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_BYTES)
            for number, kind in enumerate(kinds, 1):
                entry.field.add(
                    name="key" if number == 1 else "value",
                    number=number,
                    type=kind,
                    label=FieldDescriptorProto.LABEL_OPTIONAL,
                )


_file = _declared()
ScopeSpans: Any = GetMessageClass(_file.message_types_by_name["ScopeSpans"])
Span: Any = GetMessageClass(_file.message_types_by_name["Span"])
