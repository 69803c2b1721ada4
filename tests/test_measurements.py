"""What measurements offers is what its two halves do."""

import edgewb.accuracies
import edgewb.latencies
from edgewb import measurements


def test_every_name_is_that_of_the_module_that_does_it() -> None:
    assert set(measurements.__all__) >= {"accuracy", "accuracy_delta", "evaluate", "measure", "predict", "summarise_latency"}
    for name in measurements.__all__:
        home = edgewb.accuracies if hasattr(edgewb.accuracies, name) else edgewb.latencies
        assert getattr(measurements, name) is getattr(home, name)
