"""Replay logged connections against policies: what would change, and whose access."""

from client_connect_tools.replay.deciding.decider import Decider, Verdict
from client_connect_tools.replay.reading.facts import Attempt
from client_connect_tools.replay.reading.logs import Skipped, UnreadableLog, attempts
from client_connect_tools.replay.run import Comparison, Replay, replay
from client_connect_tools.replay.tally import Tally

__all__ = [
    "Attempt",
    "Comparison",
    "Decider",
    "Replay",
    "Skipped",
    "Tally",
    "UnreadableLog",
    "Verdict",
    "attempts",
    "replay",
]
