"""Fixtures for the tests of records."""

import pytest
from made_records import build_record


@pytest.fixture
def make_record():
    return build_record
