"""Names and option tables of the TensorFlow Lite schema, derived from ai-edge-litert's generated module rather than typed again.

Only the generated *writing* functions are used, called on a recorder: they tell each field's slot, type and default. The generated
reading functions are never given a file, because they check no bounds.
"""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from types import ModuleType
from typing import Any, Final

from edgewb.tflite.flatbuffers import Table

_CODES: Final = {
    "Bool": "?", "Int8": "b", "Uint8": "B", "Int16": "h", "Uint16": "H",
    "Int32": "i", "Uint32": "I", "Int64": "q", "Uint64": "Q", "Float32": "f", "Float64": "d",
}  # fmt: skip
_MAX_OPTION_ITEMS: Final = 64
"""Longer vectors inside options are not shown: none of the options read here (shapes, squeezed axes) has more."""


@dataclasses.dataclass(frozen=True)
class _Field:
    name: str
    slot: int
    code: str | None
    default: float
    item: str | None


class _Recorder:
    """Stands in for a flatbuffers.Builder and notes what a generated function wants to write."""

    def __init__(self) -> None:
        self.slot = -1
        self.kind = ""
        self.default: float = 0
        self.item_bytes = 0

    def __getattr__(self, name: str) -> Any:
        kind = name.removeprefix("Prepend").removesuffix("Slot")

        def record(slot: int, _value: object, default: float) -> None:
            self.slot, self.kind, self.default = slot, kind, default

        return record

    def StartVector(self, item_bytes: int, _count: int, _alignment: int) -> int:
        self.item_bytes = item_bytes
        return 0


@cache
def _schema() -> ModuleType:
    # A plain dependency of the package, yet half a megabyte of source: imported when the first file is read, not with the package.
    import ai_edge_litert.schema_py_generated as schema

    return schema  # type: ignore[no-any-return]


def _values(enumeration: str) -> dict[int, str]:
    members = vars(getattr(_schema(), enumeration))
    return {value: name for name, value in members.items() if isinstance(value, int) and not name.startswith("_")}


@cache
def op_names() -> dict[int, str]:
    """Number of a built-in operator -> its name, such as ``CONV_2D``."""
    return _values("BuiltinOperator")


@cache
def type_names() -> dict[int, str]:
    """Number of a tensor type -> a lower-case numpy-like name, such as ``int8``."""
    return {value: name.lower() for value, name in _values("TensorType").items()}


@cache
def _option_names() -> dict[int, str]:
    return {value: name for value, name in _values("BuiltinOptions").items() if value}


@cache
def _enumerations() -> dict[str, dict[int, str]]:
    return {"fused_activation_function": _values("ActivationFunctionType"), "padding": _values("Padding")}


@cache
def _fields(options: str) -> tuple[_Field, ...]:
    """The fields of one options table, such as ``Conv2DOptions``."""
    schema, fields = _schema(), []
    for name in dir(schema):
        if not name.startswith(options + "Add"):
            continue
        field = name.removeprefix(options + "Add")
        recorder = _Recorder()
        getattr(schema, name)(recorder, 0)
        if recorder.slot < 0:
            continue
        start = getattr(schema, f"{options}Start{field}Vector", None)
        if start is not None:
            start(recorder, 0)
        code = _CODES.get(recorder.kind)
        item = {4: "<i4", 8: "<i8"}.get(recorder.item_bytes)
        if code is not None or item is not None:
            snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field).lower()
            fields.append(_Field(snake, recorder.slot, code, recorder.default, item))
    return tuple(sorted(fields, key=lambda field: field.slot))


def read_options(kind: int, table: Table | None) -> dict[str, Any]:
    """The options of an op as a dict of plain values; empty when it has none or the schema does not know them.

    Args:
        kind: the number of the options table in the BuiltinOptions union.
        table: the table, from an untrusted file: read with the bounded reader.

    Returns:
        For instance ``{"padding": "SAME", "stride_w": 2, ..., "fused_activation_function": "RELU6"}``.
    """
    options = _option_names().get(kind)
    if options is None or table is None:
        return {}
    result: dict[str, Any] = {}
    for field in _fields(options):
        if field.code is not None:
            value: Any = table.number(field.slot, field.code, field.default)
            names = _enumerations().get(field.name)
            result[field.name] = value if names is None else names.get(int(value), f"unknown ({value})")
        elif field.item is not None:
            numbers = table.numbers(field.slot, field.item)
            if len(numbers) <= _MAX_OPTION_ITEMS:
                result[field.name] = tuple(int(v) for v in numbers.tolist())
    return result
