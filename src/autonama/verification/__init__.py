"""Result files computed again from market data: what of a row is reproduced, and what is not."""

from autonama.verification.verify import Verification, verify
from autonama.verification.wish import Wish

__all__ = ["Verification", "Wish", "verify"]
