import json

import pytest

from edgewb.estimates.estimations import estimate
from edgewb.estimates.reports import breakdown_info
from edgewb.views.estimate_plots import plot_breakdown


@pytest.mark.parametrize("name", ["int8_conv", "leaky_branches", "float"])
def test_the_picture_shows_what_its_data_say(tflite_file, name):
    result = estimate(tflite_file(name))
    info = breakdown_info(result)
    figure = json.loads(plot_breakdown(result).to_json())
    bars = [trace for trace in figure["data"] if trace["type"] == "bar"]
    names = {trace.get("name", "").rsplit(" ", 2)[0] for trace in bars}
    assert {part["label"] for part in info["parts"]} <= names
    assert "estimated" in figure["layout"]["xaxis"]["title"]["text"]
    assert len([b for b in bars if b.get("showlegend") is False]) == len(info["changes"])
