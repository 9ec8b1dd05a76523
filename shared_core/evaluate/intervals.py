"""How sure a share is that was counted in a few tries. Pure.

Wilson's score interval: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22
(1927), pages 209-212; the formula as in R. G. Newcombe, Statistics in Medicine 17 (1998), method 3. Unlike p ± z·σ it
stays within 0 and 1, and is worth something for three tries, and where all of them passed.
"""

from __future__ import annotations

import math
from statistics import NormalDist

__all__ = ["wilson"]


def wilson(passes: float, tries: int, confidence: float = 0.95) -> tuple[float, float]:
    """Where the true share lies, given what was counted.

    Args:
        passes: How many tries passed; or the sum of values from 0 to 1, one a try.
        tries: Of how many; with none, the share may be anything.
        confidence: How often such an interval holds the true share.

    Example:
        >>> [round(bound, 3) for bound in wilson(5, 5)], [round(bound, 3) for bound in wilson(8, 10)]
        ([0.566, 1.0], [0.49, 0.943])
    """
    if not tries:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, scale = passes / tries, 1 + z * z / tries
    middle = (share + z * z / (2 * tries)) / scale
    half = z * math.sqrt(share * (1 - share) / tries + z * z / (4 * tries * tries)) / scale
    # At 0 and 1 a bound is the share itself, which rounding must not move.
    return (0.0 if passes == 0 else max(0.0, middle - half)), (
        1.0 if passes == tries else min(1.0, middle + half)
    )
