"""The synthetic sample catalogue: draws products and phone photos of them."""

from data.sample.folder import SAMPLE_NOW, draw_item, generate_sample
from data.sample.plan import Item, plan_item
from data.sample.scenes import phone_photo

__all__ = ["SAMPLE_NOW", "Item", "draw_item", "generate_sample", "phone_photo", "plan_item"]
