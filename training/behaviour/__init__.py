"""Sums up events: what shoppers clicked, carted and bought for each query, corrected for place on the page."""

from training.behaviour.behaviour import WORTH, Behaviour, ShopBehaviour, Tally

__all__ = ["WORTH", "Behaviour", "ShopBehaviour", "Tally"]
