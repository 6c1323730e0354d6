"""How much of a Sharpe ratio is luck: the probabilistic and the deflated Sharpe ratio.

Bailey and López de Prado, "The Sharpe Ratio Efficient Frontier" (2012), and "The Deflated Sharpe Ratio: Correcting for
Selection Bias, Backtest Overfitting and Non-Normality" (2014). With the Sharpe ratio SR per bar of n returns, their
skewness g3 and kurtosis g4 (3 for a normal distribution), and Z the normal distribution function:

    PSR(SR*) = Z( (SR - SR*) × sqrt(n - 1) / sqrt(1 - g3 × SR + (g4 - 1) / 4 × SR²) )
    DSR      = PSR(SR0),  SR0 = sqrt(V) × ( (1 - c) × Z⁻¹(1 - 1/N) + c × Z⁻¹(1 - 1/(N e)) )

where N trials had Sharpe ratios of variance V, and c is the Euler-Mascheroni constant: SR0 is what the best of N
worthless trials is expected to show. Trials of one grid are alike, so N overstates how many there really were, and the
DSR is on the careful side.
"""

import math
from statistics import NormalDist

import numpy as np

from autonama.analysis.bands import Floats

NORMAL = NormalDist()


def probabilistic_sharpe(returns: Floats, benchmark: float = 0.0) -> float:
    """Probability that the true Sharpe ratio exceeds `benchmark` (per bar, not annual); NaN where undefined.

    returns: (bars,)
    """
    spread = returns - returns.mean() if len(returns) > 1 else np.zeros(1)
    deviation = math.sqrt(float(np.mean(spread**2)))
    if len(returns) < 3 or deviation == 0 or bool((returns == returns[0]).all()):
        return math.nan
    ratio = float(returns.mean()) / float(returns.std(ddof=1))
    skewness = float(np.mean(spread**3)) / deviation**3
    kurtosis = float(np.mean(spread**4)) / deviation**4
    return psr(ratio, benchmark, len(returns), skewness, kurtosis)


def psr(ratio: float, benchmark: float, count: int, skewness: float, kurtosis: float) -> float:
    """The formula above; all ratios per bar. NaN where the variance of the estimate is not positive."""
    variance = 1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2
    return NORMAL.cdf((ratio - benchmark) * math.sqrt((count - 1) / variance)) if variance > 0 else math.nan


def expected_best(variance: float, trials: int) -> float:
    """SR0: the Sharpe ratio expected of the best of `trials` without worth. 0 for a single trial."""
    if trials < 2:
        return 0.0
    low, high = NORMAL.inv_cdf(1 - 1 / trials), NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * ((1 - float(np.euler_gamma)) * low + float(np.euler_gamma) * high)
