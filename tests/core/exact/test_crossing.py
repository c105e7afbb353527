"""Threshold crossings between events: none is missed, and the closed forms."""

from __future__ import annotations

import numba
import numpy as np
import scipy.special
from exact_networks import response

from snn.core.exact.crossing import first_crossing, soonest_crossing, stayed_below, stays_below
from snn.core.exact.flow import Trajectory, height_after


@numba.njit
def crossings(y, a, b, tau, tau_a, tau_b, level, limit):
    found = np.empty(y.size)
    for n in range(y.size):
        found[n] = first_crossing(
            Trajectory(y[n], a[n], b[n], tau[n], tau_a[n], tau_b[n]), level[n], limit[n]
        )
    return found


@numba.njit
def shortcuts(y, a, b, tau, tau_a, tau_b, level, limit):
    """What is said without a search: a time before which there is no crossing, and none in the limit (two ways)."""
    soonest, stays, stayed = np.empty(y.size), np.empty(y.size, np.bool_), np.empty(y.size, np.bool_)
    for n in range(y.size):
        path = Trajectory(y[n], a[n], b[n], tau[n], tau_a[n], tau_b[n])
        t = limit[n]
        later_a, later_b = a[n] * np.exp(-t / tau_a[n]), b[n] * np.exp(-t / tau_b[n])
        later = Trajectory(height_after(path, t), later_a, later_b, tau[n], tau_a[n], tau_b[n])
        soonest[n] = soonest_crossing(path, level[n])
        stays[n] = stays_below(path, level[n], t)
        stayed[n] = stayed_below(path, later, level[n])
    return soonest, stays, stayed


def cases(rng, n):
    """Draw paths, levels and limits: constants equal, one to two, or any; currents of any sign, or none."""
    tau, tau_a, tau_b = rng.uniform(1, 20, (3, n))
    tau_a = np.choose(rng.integers(0, 4, n), [tau, tau / 2, tau_a, tau_a])
    tau_b = np.choose(rng.integers(0, 4, n), [tau, tau_a, tau_b, tau_b])
    y, level = rng.normal(0, 1, n), rng.normal(0.3, 0.6, n)
    a, b = rng.normal(0, 4, (2, n)) * (rng.random((2, n)) < 0.8)
    return y, a, b, tau, tau_a, tau_b, level, rng.uniform(0.1, 60, n)


def test_no_crossing_is_missed():
    """10^5 cases against 300 points each: nothing before the time found, and the threshold at it."""
    rng = np.random.default_rng(0)
    n, points = 100_000, 300
    y, a, b, tau, tau_a, tau_b, level, limit = cases(rng, n)
    found = crossings(y, a, b, tau, tau_a, tau_b, level, limit)

    def height(t):
        return y * np.exp(-t / tau) + a * response(t, tau, tau_a) + b * response(t, tau, tau_b)

    meets = np.isfinite(found)
    assert 20_000 < meets.sum() < 80_000
    later = meets & (found > 0)
    at = height(np.where(meets, found, 0.0))
    assert (
        later & (height(limit) < level)
    ).sum() > 5_000  # up and down again within the step: a grid sees none
    # Distinct constants may be close, which costs the plain formula digits.
    np.testing.assert_allclose(at[later], level[later], rtol=0, atol=1e-8)
    assert (found[meets] <= limit[meets]).all()
    end = np.where(meets, found, limit)
    for fraction in np.linspace(0, 1, points, endpoint=False):
        early = height(end * fraction)
        assert (early[end > 0] < level[end > 0] + 1e-8).all()


def test_no_search_is_spared_that_would_have_found_one():
    """10^5 cases over short and long times: the shortcuts spare most searches, and none that finds a crossing."""
    rng = np.random.default_rng(1)
    *path, limit = cases(rng, 100_000)
    for scale in (0.01, 1.0):
        found = crossings(*path, limit * scale)
        soonest, stays, stayed = shortcuts(*path, limit * scale)
        meets = np.isfinite(found)
        assert (soonest[meets] <= found[meets]).all()
        assert not stays[meets].any() and not stayed[meets].any()
        assert (soonest > 0)[stays].all()
        below = ~meets & (path[0] < path[6])
        assert stayed[below].mean() > 0.5 and stays[below].mean() > (0.8 if scale < 1 else 0.15)


def test_crossings_in_closed_form():
    one = np.ones(1)

    def solve(y, a, tau, tau_a, level):
        return crossings(*(x * one for x in (y, a, 0.0, tau, tau_a, tau_a, level, 1e3)))[0]

    assert abs(solve(-1.0, 0.0, 10.0, 5.0, -0.25) - 10 * np.log(4)) < 1e-12
    # tau = 2 tau_syn: a (x - x^2) = level, x = exp(-t / tau)
    x = (1 + np.sqrt(1 - 4 * 0.5 / 3)) / 2
    assert abs(solve(0.0, 3.0, 10.0, 5.0, 0.5) + 10 * np.log(x)) < 1e-12
    # Equal constants: a (t / tau) exp(-t / tau) = level, Lambert's W
    t = -10 * scipy.special.lambertw(-0.5 / 3).real
    assert abs(solve(0.0, 3.0, 10.0, 10.0, 0.5) - t) < 1e-12
    # Constants apart by rounding only: no digits are lost
    assert abs(solve(0.0, 3.0, 10.0, 10.0 * (1 + 1e-13), 0.5) - t) < 1e-10
    # Without a peak high enough there is none: the peak of the two-to-one response is a / 4
    assert solve(0.0, 3.0, 10.0, 5.0, 0.7501) == np.inf
    assert abs(solve(0.0, 3.0, 10.0, 5.0, 0.75) - 10 * np.log(2)) < 1e-6
