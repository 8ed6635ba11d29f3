"""A few participants who decode what they receive, and say what somebody would have seen and heard.

They are pairs on aiortc in a process of their own, so that decoding disturbs no pace, and send a film whose
pictures carry their number and whose sound beeps each second.
"""

from loadtest.fidelity.bots import Bots, BotsFailed, PairFailed
from loadtest.fidelity.scene import BadFilm, check_film

__all__ = ["BadFilm", "Bots", "BotsFailed", "PairFailed", "check_film"]
