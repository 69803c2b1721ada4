"""INT8 by hand: numbers stored and restored, one sum of products in whole numbers, and what an operation costs in energy."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.errors import InputError, require
from edgewb.lessons.tables import WordTable
from edgewb.tflite.quantization import dequantize, fit_range, quantize
from edgewb.types import Basis, Jsonable

if TYPE_CHECKING:
    import pandas

HOROWITZ: Final = (
    "M. Horowitz, Computing's Energy Problem (and what we can do about it), ISSCC 2014, pp. 10-14: about 45 nm, 0.9 V; "
    "as others quote its table, which was not read itself"
)
_OUTSIDE: Final = 0.5
"""Steps beyond the last integer from which on a value is cut off rather than rounded."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EnergyCost(Jsonable):
    """Picojoules of one operation; ``kind`` is "integer", "float" or "memory", ``bits`` the width of what is worked on."""

    operation: str
    kind: str
    bits: int
    picojoules: float
    source: str = HOROWITZ
    basis: Basis = Basis.PUBLISHED


ENERGIES: Final = (
    EnergyCost(operation="add, int8", kind="integer", bits=8, picojoules=0.03),
    EnergyCost(operation="add, int32", kind="integer", bits=32, picojoules=0.1),
    EnergyCost(operation="multiply, int8", kind="integer", bits=8, picojoules=0.2),
    EnergyCost(operation="multiply, int32", kind="integer", bits=32, picojoules=3.1),
    EnergyCost(operation="add, float16", kind="float", bits=16, picojoules=0.4),
    EnergyCost(operation="add, float32", kind="float", bits=32, picojoules=0.9),
    EnergyCost(operation="multiply, float16", kind="float", bits=16, picojoules=1.1),
    EnergyCost(operation="multiply, float32", kind="float", bits=32, picojoules=3.7),
    EnergyCost(operation="read 64 bits, 8 kB cache", kind="memory", bits=64, picojoules=10.0),
    EnergyCost(operation="read 64 bits, 1 MB cache", kind="memory", bits=64, picojoules=100.0),
    EnergyCost(operation="read 64 bits, DRAM (low end)", kind="memory", bits=64, picojoules=1300.0),
)
"""What one operation takes, published once for a process of 2014: the ratios are what carries over, not the values."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredNumber(Jsonable):
    """A real number, the int8 it becomes, what that stands for; ``remark`` is "exact", "rounded" or "saturated: outside the range"."""

    real: float
    stored: int
    restored: float
    remark: str

    @property
    def error(self) -> float:
        """What comes back less what went in."""
        return self.restored - self.real


def stored_numbers(values: Sequence[float], scale: float, zero_point: int) -> tuple[StoredNumber, ...]:
    """Each number as int8 and back.

    Raises:
        InputError: a number, a scale or a zero point that cannot be used.
    """
    real = np.asarray(values, np.float64)
    stored = quantize(real, scale, zero_point, "int8")
    restored = dequantize(stored, scale, zero_point).astype(np.float64)
    rows = zip(real.tolist(), stored.tolist(), restored.tolist(), strict=True)
    return tuple(
        StoredNumber(real=value, stored=number, restored=back, remark=_remark(value / scale + zero_point)) for value, number, back in rows
    )


def store_numbers(values: Sequence[float], scale: float, zero_point: int) -> WordTable:
    """``stored_numbers`` as a table."""
    rows = tuple(
        (f"{one.real:g}", f"{one.stored}", f"{one.restored:.4f}", f"{one.error:+.4f}", one.remark)
        for one in stored_numbers(values, scale, zero_point)
    )
    shown = tuple(tuple(cell.replace("-", "\N{MINUS SIGN}") for cell in row) for row in rows)
    return WordTable(columns=("real", "stored as", "stands for", "error", ""), rows=shown)


def _remark(step: float) -> str:
    if step > 127 + _OUTSIDE or step < -128 - _OUTSIDE:
        return "saturated: outside the range"
    return "exact" if math.isclose(step, round(step), abs_tol=1e-5) else "rounded"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Multiplier(Jsonable):
    """A real factor below 1 as a chip without floats has it: ``mantissa`` x 2^(``exponent`` - 31), the mantissa an int32."""

    real: float
    mantissa: int
    exponent: int

    @property
    def stored(self) -> float:
        """What mantissa and exponent stand for."""
        return math.ldexp(self.mantissa, self.exponent - 31)


def split_multiplier(real: float) -> Multiplier:
    """A factor as mantissa and exponent, as LiteRT's kernels on the CPU take it.

    Source: ``QuantizeMultiplier`` in TensorFlow's ``kernels/internal/quantization_util.cc``.

    Raises:
        InputError: not a finite number above 0.
    """
    if not (math.isfinite(real) and real > 0):
        raise InputError(f"the multiplier {real!r} cannot be used: a finite number above 0 is wanted")
    fraction, exponent = math.frexp(real)
    mantissa = round(fraction * 2**31)
    if mantissa == 2**31:
        mantissa, exponent = mantissa // 2, exponent + 1
    return Multiplier(real=real, mantissa=mantissa, exponent=exponent)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DotProduct:
    """One output of a layer, as the float net and as int8 work it out.

    ``terms`` has a row per input: real values, what is stored, the products. ``total`` is the int32 sum of (input - zero point) x weight
    and the stored bias; ``multiplier`` turns it into steps of the output. ``stored`` is the int8 result, ``restored`` what it stands for.
    """

    terms: pandas.DataFrame
    bias: int
    total: int
    multiplier: Multiplier
    zero_point: int
    stored: int
    restored: float
    exact: float

    @property
    def error(self) -> float:
        """What int8 gives less what float gives."""
        return self.restored - self.exact

    def _repr_html_(self) -> str:
        shown = (
            f"{self.terms.to_html(index=False)}<p>int32 sum with the bias ({self.bias:,}): <strong>{self.total:,}</strong><br>"
            f"times {self.multiplier.real:.6g} (= {self.multiplier.mantissa:,} × 2^{self.multiplier.exponent - 31}), plus the output's "
            f"zero point {self.zero_point}, rounded and kept within int8: <strong>{self.stored}</strong><br>"
            f"which stands for <strong>{self.restored:.4f}</strong>; in float it is {self.exact:.4f} (error {self.error:+.4f})</p>"
        )
        return re.sub(r"(?<=[ >^])-(?=\d)", "\N{MINUS SIGN}", shown)

    def __repr__(self) -> str:
        return f"DotProduct(total={self.total}, stored={self.stored}, restored={self.restored:.4f}, exact={self.exact:.4f})"


def trace_dot_product(
    inputs: Sequence[float], weights: Sequence[float], bias: float, input_range: tuple[float, float], output_range: tuple[float, float]
) -> DotProduct:
    """One sum of products, step by step, as an int8 layer does it: int8 inputs and weights, an int32 sum, and one requantisation.

    Args:
        inputs, weights: as many of one as of the other.
        input_range, output_range: what calibration found; the weights' range is their own.

    Raises:
        InputError: another number of inputs than of weights, or a range that is none.
    """
    frame = require("pandas", "views", "for tables")
    x, w = np.asarray(inputs, np.float64), np.asarray(weights, np.float64)
    if x.shape != w.shape or x.ndim != 1 or not len(x):
        raise InputError(f"{x.size} inputs and {w.size} weights: as many of one as of the other are wanted")
    input_scale, input_point = fit_range(*input_range)
    weight_scale, _ = fit_range(float(w.min()), float(w.max()), symmetric=True)
    output_scale, output_point = fit_range(*output_range)
    stored_x, stored_w = quantize(x, input_scale, input_point, "int8"), quantize(w, weight_scale, 0, "int8")
    stored_bias = int(quantize(bias, input_scale * weight_scale, 0, "int32"))
    products = _wide(stored_x, input_point) * stored_w.astype(np.int64)
    total = int(products.sum()) + stored_bias
    multiplier = split_multiplier(input_scale * weight_scale / output_scale)
    stored = int(np.clip(round(total * multiplier.stored) + output_point, -128, 127))
    terms = frame.DataFrame(
        {
            "input": x,
            "weight": w,
            "input, int8": stored_x,
            "less zero point": _wide(stored_x, input_point),
            "weight, int8": stored_w,
            "product": products,
        }
    )
    return DotProduct(
        terms=terms,
        bias=stored_bias,
        total=total,
        multiplier=multiplier,
        zero_point=output_point,
        stored=stored,
        restored=float(dequantize(np.array([stored], np.int8), output_scale, output_point)[0]),
        exact=float(x @ w + bias),
    )


def _wide(stored: npt.NDArray[Any], zero_point: int) -> npt.NDArray[np.int64]:
    return np.asarray(stored.astype(np.int64) - zero_point)
