"""The seller's form at `/sell`: a photo, a category, facts filled in, and what becomes of them."""

from api.selling.filling import words_for
from api.selling.routes import blueprint

BLUEPRINTS = (blueprint,)

__all__ = ["BLUEPRINTS", "words_for"]
