"""Regression bands: the end point of a polynomial fitted to the last closes, and how far closes lie from the fit.

For every bar t and look-back L the closes of the bars t-L+1 … t are fitted by least squares with a polynomial in time
of degree d. The band's middle is the fitted value at t, its width the residual standard error

    s = sqrt(sum of squared residuals / (L - d - 1)),

with L - d - 1 degrees of freedom: L points less the d + 1 coefficients. Nothing after t is read, and the numbers of a
bar do not depend, to the last bit, on how many other bars are computed beside it.

The fit is made in an orthonormal basis of polynomials on L points, one degree at a time, each on what the lower degrees
leave: a Vandermonde matrix of degree 6 on 350 points has a condition number of 1e15 and more, the basis has 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ROUNDING = 1e-13
"""Residuals below this share of the closes are rounding, not distance: a hundred units in the last place of a float,
and far below the least tick of any market. Their window has the width 0."""

BLOCK = 1 << 16
"""Numbers in one block of windows: 512 kB, which stay in the processor's cache while the degrees pass over them."""


@dataclass(frozen=True)
class Fit:
    """The fits of one look-back.

    middle, deviation: (degrees, …, bars), the axes between as in the closes; NaN where a window is not full or not
    finite.
    """

    middle: Floats
    deviation: Floats

    def bands(self, kstd: float) -> tuple[Floats, Floats]:
        """Lower and upper band, middle ∓ kstd × deviation."""
        return self.middle - kstd * self.deviation, self.middle + kstd * self.deviation


def orthonormal_polynomials(points: int, degree: int) -> Floats:
    """(degree + 1, points): row j is a polynomial of degree j on `points` equal steps, rows orthonormal."""
    nodes = np.linspace(-1.0, 1.0, points)
    basis = np.linalg.qr(np.polynomial.chebyshev.chebvander(nodes, degree))[0]
    return np.ascontiguousarray(basis.T)


def rolling_fit(close: Floats, lookback: int, degrees: tuple[int, ...]) -> Fit:
    """The fits of every bar.

    close: (…, bars), prices at equal steps of time.
    ValueError where a degree leaves no degree of freedom (lookback ≤ degree + 1).
    """
    if lookback <= max(degrees) + 1 or min(degrees) < 0:
        raise ValueError(f"A look-back of {lookback} bars has no degree of freedom left for degrees {degrees}.")
    shape = (len(degrees), *close.shape)
    middle, deviation = np.full(shape, np.nan), np.full(shape, np.nan)
    if close.shape[-1] >= lookback:
        windows = sliding_window_view(close, lookback, axis=-1)
        ends = middle[..., lookback - 1 :], deviation[..., lookback - 1 :]
        basis = orthonormal_polynomials(lookback, max(degrees))
        for series in np.ndindex(close.shape[:-1]):
            _fit_series(windows[series], basis, degrees, ends[0][:, *series], ends[1][:, *series])
    return Fit(middle, deviation)


def _fit_series(windows: Floats, basis: Floats, degrees: tuple[int, ...], middle: Floats, deviation: Floats) -> None:
    """Fit the windows (bars, lookback) block by block, into the rows of `middle` and `deviation`."""
    step = max(1, BLOCK // windows.shape[1])
    for first in range(0, len(windows), step):
        part = slice(first, first + step)
        _fit_block(windows[part], basis, degrees, middle[:, part], deviation[:, part])


def _fit_block(windows: Floats, basis: Floats, degrees: tuple[int, ...], middle: Floats, deviation: Floats) -> None:
    lookback = windows.shape[1]
    # einsum sums each window by itself; a BLAS product would round a window differently in a batch of another size.
    start = np.einsum("ij->i", windows) / lookback
    residual = windows - start[:, None]
    scratch = np.empty_like(residual)
    end = start.copy()
    for degree, polynomial in enumerate(basis):
        weight = np.einsum("ij,j->i", residual, polynomial)
        residual -= np.multiply(weight[:, None], polynomial, out=scratch)
        end += weight * polynomial[-1]
        if degree in degrees:
            row = degrees.index(degree)
            squares = np.einsum("ij,ij->i", residual, residual)
            spread = np.sqrt(squares / (lookback - degree - 1))
            middle[row] = end
            deviation[row] = np.where(spread <= ROUNDING * np.abs(start), 0.0, spread)
