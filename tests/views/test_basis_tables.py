"""Each row says where its figure comes from."""

from __future__ import annotations

import pytest

from edgewb.bundles import bundled_model
from edgewb.compilers.inspections import inspect
from edgewb.errors import InputError
from edgewb.estimates.estimations import estimate
from edgewb.latencies import measure
from edgewb.lessons.published_nets import published_net
from edgewb.types import Basis
from edgewb.views.basis_tables import USES, show_bases

MODEL = bundled_model("digits_cnn_int8").path


def test_rows_of_every_basis() -> None:
    table = show_bases(
        measure(MODEL, runs=20),
        measure(MODEL, target="simulated", runs=20),
        estimate(MODEL),
        inspect(MODEL),
        published_net("mobilenet_v2_1.0_224"),
        estimate(bundled_model("dynamic_batch").path),
    )
    assert [row.basis for row in table.rows] == ["measured", "simulated", "estimated", "predicted", "published", "estimated"]
    measured, simulated, estimated, predicted, published, refused = table.rows
    assert measured.n == "20 calls"
    assert simulated.origin.startswith("SIMULATED, not measured")
    assert "80 % interval" in estimated.figure
    assert predicted.figure == "14 of 14 ops on the Edge TPU"
    assert "coral.ai" in published.origin
    assert refused.figure.startswith("none: ")
    assert "<th" in table._repr_html_()
    assert repr(table).count("\n") == 5


def test_every_basis_has_a_use() -> None:
    assert set(USES) == set(Basis)


def test_something_else() -> None:
    with pytest.raises(InputError, match="give what measure"):
        show_bases(3)  # type: ignore[arg-type]
