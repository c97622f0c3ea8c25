"""One browser for all tests of pages: a second one cannot be driven from the same process."""

import looking
import pytest


@pytest.fixture(scope="session")
def browser():
    try:
        with looking.chromium() as started:
            yield started
    except FileNotFoundError as error:
        pytest.fail(str(error), pytrace=False)
