"""A token bucket: so many requests a second, with room for a burst. Pure; times are monotonic seconds."""


class TokenBucket:
    def __init__(self, rate_per_s: float, burst: float, now: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, cost: float, now: float) -> bool:
        """Whether there is enough for `cost`; if not, nothing is taken."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate_per_s)
        self._at = now
        if cost > self._tokens:
            return False
        self._tokens -= cost
        return True
