"""Each dashboard as a visitor finds it: it loads, connects, says nothing on the console, and asks nothing of others."""

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", ["explorer", "inspector", "live"])
def test_a_dashboard_loads_and_connects(visit, name):
    page = visit(name)
    assert page.inner_text("h1").strip()
    assert page.inner_text("[data-region=alert]") == ""
