"""The parity check compares the endpoint's probabilities with those of ML.PREDICT, which must be equal."""

import pytest

from functions.deploy_model import require_parity
from shared.errors import Permanent


def test_the_parity_check_returns_the_largest_difference():
    assert require_parity([0.1, 0.2], [0.1, 0.2 + 1e-7]) == pytest.approx(1e-7)


def test_a_difference_above_the_tolerance_fails_for_good():
    with pytest.raises(Permanent, match=r"differs from ML\.PREDICT by up to 0\.1 on 2 golden rows"):
        require_parity([0.1, 0.2], [0.1, 0.3])


def test_a_comparison_of_nothing_fails_for_good():
    with pytest.raises(Permanent, match="no golden rows"):
        require_parity([], [])
