"""The one account of clicks: what shoppers chose for which query, corrected for position."""

from training.behaviour.behaviour import WORTH, Behaviour, ShopBehaviour, Tally

__all__ = ["WORTH", "Behaviour", "ShopBehaviour", "Tally"]
