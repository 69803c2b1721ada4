"""Files give the estimates of their published rows: the small nets here, all by `python tests/estimates/keras_nets.py --all`."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import keras_nets

pytestmark = pytest.mark.training


@pytest.mark.parametrize("name", keras_nets.SMALL)
def test_the_file_of_a_keras_net_gives_the_estimate_of_its_row(name: str) -> None:
    from_file, from_row, _ = keras_nets.compare(name, keras_nets.build(name))
    assert from_file == pytest.approx(from_row, rel=keras_nets.TOLERANCE)
