"""What can be found right now: the live generation plus the delta of changed products, minus deleted products."""

from engine.live.allowed import Allowed
from engine.live.facts import live_facts
from engine.live.live_index import LiveIndex
from engine.live.view import NO_ROW, LiveView

__all__ = ["NO_ROW", "Allowed", "LiveIndex", "LiveView", "live_facts"]
