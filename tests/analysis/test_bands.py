"""The bands: the fit they claim to be, causal, stable, and undefined where they have to be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import walk

from autonama.analysis.bands import orthonormal_polynomials, rolling_fit

DEGREES = (1, 2, 3, 4, 5, 6)


def polyfit_band(window: np.ndarray, degree: int) -> tuple[float, float]:
    """Middle and deviation of one window, straight from numpy.polyfit."""
    x = np.linspace(-1, 1, len(window))
    residual = window - np.polyval(coefficients := np.polyfit(x, window, degree), x)
    return float(np.polyval(coefficients, 1.0)), float(np.sqrt((residual**2).sum() / (len(window) - degree - 1)))


@pytest.mark.parametrize("lookback", [20, 50, 173, 350])
def test_agrees_with_polyfit(lookback: int) -> None:
    """Every degree's end point and residual standard error are numpy.polyfit's to 1e-9, at every bar."""
    _, close = walk(380)
    fit = rolling_fit(close, lookback, DEGREES)
    for row, degree in enumerate(DEGREES):
        for bar in range(lookback - 1, len(close), 7):
            expected = polyfit_band(close[bar + 1 - lookback : bar + 1], degree)
            found = fit.middle[row, bar], fit.deviation[row, bar]
            assert found == pytest.approx(expected, rel=1e-9)


def test_agrees_with_polyfit_on_real_candles(real_bitcoin: tuple[np.ndarray, np.ndarray]) -> None:
    """Real closes of degree 6 and look-back 350 give polyfit's band to 1e-9."""
    close = real_bitcoin[1]
    fit = rolling_fit(close, 350, (6,))
    for bar in range(349, len(close), 10):
        expected = polyfit_band(close[bar - 349 : bar + 1], 6)
        assert (fit.middle[0, bar], fit.deviation[0, bar]) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), lookback=st.integers(9, 120), cut=st.integers(1, 150))
def test_the_future_changes_nothing(seed: int, lookback: int, cut: int) -> None:
    """Without the bars after t, and with other bars there, the bands up to t are the same to the last bit."""
    _, close = walk(200, seed=seed)
    other = np.concatenate((close[:cut], np.full(50, 1e9)))
    whole, part, changed = (rolling_fit(series, lookback, DEGREES) for series in (close, close[:cut], other))
    for name in ("middle", "deviation"):
        expected = getattr(whole, name)[:, :cut]
        np.testing.assert_array_equal(getattr(part, name), expected)
        np.testing.assert_array_equal(getattr(changed, name)[:, :cut], expected)


@settings(max_examples=40)
@given(
    roots=st.lists(st.floats(-2, 2), min_size=0, max_size=6),
    lookback=st.integers(8, 350),
    level=st.floats(1e-6, 1e6),
)
def test_a_polynomial_is_its_own_fit(roots: list[float], lookback: int, level: float) -> None:
    """A window on a polynomial of the degree or a lower one ends on it, and has no width."""
    x = np.linspace(-1, 1, lookback)
    close = level * (1e4 + np.poly1d(roots, r=True)(x))
    fit = rolling_fit(close, lookback, (6,))
    assert fit.middle[0, -1] == pytest.approx(close[-1], rel=1e-12)
    assert fit.deviation[0, -1] == 0


@settings(max_examples=30)
@given(scale=st.floats(1e-8, 1e6), shift=st.floats(0, 10))
def test_scales_and_shifts_with_the_price(scale: float, shift: float) -> None:
    """In another unit of money the bands are the same bands; a constant on top moves only their middle."""
    _, close = walk(120)
    plain, moved = rolling_fit(close, 60, DEGREES), rolling_fit(scale * (close + shift), 60, DEGREES)
    np.testing.assert_allclose(moved.middle[:, 59:], scale * (plain.middle[:, 59:] + shift), rtol=1e-11)
    np.testing.assert_allclose(moved.deviation[:, 59:], scale * plain.deviation[:, 59:], rtol=1e-9)


def test_many_series_at_once_are_each_alone() -> None:
    """A batch of symbols gives each the numbers that it has by itself, to the last bit."""
    closes = np.stack([walk(150, seed=seed)[1] for seed in range(4)]).reshape(2, 2, 150)
    batch = rolling_fit(closes, 40, (1, 3))
    assert batch.middle.shape == (2, 2, 2, 150)
    for series in np.ndindex(2, 2):
        alone = rolling_fit(closes[series], 40, (1, 3))
        np.testing.assert_array_equal(batch.middle[:, *series], alone.middle)
        np.testing.assert_array_equal(batch.deviation[:, *series], alone.deviation)


def test_undefined_until_the_window_is_full_and_where_it_is_not_finite() -> None:
    """The first look-back − 1 bars have no band, nor has any window with a missing close; the others do not notice."""
    _, close = walk(100)
    whole = rolling_fit(close, 30, (2,))
    assert np.flatnonzero(np.isfinite(whole.middle[0]))[0] == 29
    holed = close.copy()
    holed[50] = np.nan
    fit = rolling_fit(holed, 30, (2,))
    assert np.isnan(fit.middle[0, 50:80]).all()
    np.testing.assert_array_equal(fit.middle[0, 80:], whole.middle[0, 80:])
    assert np.isnan(rolling_fit(close[:20], 30, (2,)).deviation).all()


def test_bands_stand_at_kstd_deviations() -> None:
    """Lower and upper band are the middle ∓ kstd × deviation."""
    fit = rolling_fit(walk(60)[1], 50, (2,))
    lower, upper = fit.bands(1.5)
    np.testing.assert_allclose((upper - lower)[:, 49:], 3 * fit.deviation[:, 49:])
    np.testing.assert_allclose((upper + lower)[:, 49:], 2 * fit.middle[:, 49:])


def test_the_basis_is_orthonormal() -> None:
    """Degree 6 on 350 points: the products of the basis are those of a unit matrix to 1e-14."""
    basis = orthonormal_polynomials(350, 6)
    np.testing.assert_allclose(basis @ basis.T, np.eye(7), atol=1e-14)


def test_no_degree_of_freedom_is_refused() -> None:
    """A look-back of degree + 1 bars has no residual to speak of."""
    with pytest.raises(ValueError, match="no degree of freedom"):
        rolling_fit(walk(60)[1], 7, (6,))
    assert rolling_fit(walk(60)[1], 8, (6,)).deviation[0, -1] > 0
