"""Notebook 06: right answers pass, each known mistake gets its own sentence."""

from __future__ import annotations

import pytest

from edgewb.courses import check

REMEDIES = {"digits_cnn_int8": "nothing", "dynamic_batch": "fix", "float32": "convert", "elu_branch": "change a layer"}


@pytest.mark.parametrize(
    ("number", "answers"),
    [
        ("06.1", (10, 3)),
        ("06.2", ("downstream", "unsupported_op")),
        ("06.2", (" Downstream ", "UNSUPPORTED_OP")),
        ("06.2", ("downstream", " unsupported op")),
        ("06.3", (7, "ELU")),
        ("06.3", (7.0, "elu")),
        ("06.4", (14_400, 13)),
        ("06.5", (REMEDIES,)),
    ],
)
def test_right(number: str, answers: tuple[object, ...]) -> None:
    assert check(number, *answers).passed


@pytest.mark.parametrize(
    ("number", "answers", "said"),
    [
        ("06.1", (..., 3), "still open"),
        ("06.1", (13, 3), "numbered 0 to 12"),
        ("06.1", (0, 3), "blocks nothing"),
        ("06.1", (11, 3), "only waits"),
        ("06.1", (7, 3), "reason of its own"),
        ("06.1", (10, 2), "the op itself maps"),
        ("06.1", (10, 10), "how many would map in all"),
        ("06.1", (10, 6), "reasons of their own"),
        ("06.1", (10, 5), "too large"),
        ("06.2", ("unsupported_op", "unsupported_op"), "the kind is supported"),
        ("06.2", ("float", "unsupported_op"), "end at op 5"),
        ("06.2", ("shape", "unsupported_op"), "what does it wait for"),
        ("06.2", ("downstream", "downstream"), "waits for nothing"),
        ("06.2", ("downstream", "dtype"), "edgewb rules"),
        ("06.2", ("downstreams", "dtype"), "one of 'unsupported_op'"),
        ("06.3", (10, "ELU"), "all the ops on the CPU"),
        ("06.3", (5, "ELU"), "lines of the table"),
        ("06.3", (3, "ELU"), "run on the Edge TPU"),
        ("06.3", (7, "QUANTIZE"), "only converts"),
        ("06.3", (7, "CONV_2D"), "that the Edge TPU has"),
        ("06.3", (7, "RELU"), "not in the table"),
        ("06.4", (10_800, 13), "weights in the file"),
        ("06.4", (13_536, 13), "padded to a multiple of 4"),
        ("06.4", (12_000, 13), "padded to lanes"),
        ("06.4", (19_200, 13), "64 only beyond"),
        ("06.4", (13_824, 13), "each lane has a header"),
        ("06.4", (13_836, 13), "before each lane"),
        ("06.4", (14_400, 14), "round down"),
        ("06.4", (14_400, 13.7), "whole number"),
        ("06.4", (14_400, 564), "small layer"),
        ("06.4", (1, 13), "lanes ×"),
        ("06.4", (14_400, 5), "one such layer first"),
        ("06.5", ([],), "dictionary"),
        ("06.5", ({},), "missing"),
        ("06.5", (REMEDIES | {"float32": ...},), "still open"),
        ("06.5", (REMEDIES | {"digits_cnn_int8": "fix"},), "nothing to do"),
        ("06.5", (REMEDIES | {"dynamic_batch": "convert"},), "more than it takes"),
        ("06.5", (REMEDIES | {"dynamic_batch": "nothing"},), "would leave ops"),
        ("06.5", (REMEDIES | {"float32": "change a layer"},), "floating-point"),
        ("06.5", (REMEDIES | {"elu_branch": "fix"},), "finds nothing to mend"),
        ("06.5", (REMEDIES | {"elu_branch": "pray"},), "one of"),
    ],
)
def test_wrong(number: str, answers: tuple[object, ...], said: str) -> None:
    result = check(number, *answers)
    assert not result.passed
    assert said in result.message
