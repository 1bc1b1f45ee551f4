"""Suggests what a seller's form may hold: facts, a title and a price range, from the products most like the photo."""

from engine.suggesting.attributes import AttributeGuess, guess_attributes
from engine.suggesting.neighbourhood import Neighbourhood, fact_names, fact_of, nearest
from engine.suggesting.photo_reader import PhotoReader
from engine.suggesting.suggestions import PriceGuess, Suggestions, suggestions_of
from engine.suggesting.titles import TitleGuess

__all__ = [
    "AttributeGuess",
    "Neighbourhood",
    "PhotoReader",
    "PriceGuess",
    "Suggestions",
    "TitleGuess",
    "fact_names",
    "fact_of",
    "guess_attributes",
    "nearest",
    "suggestions_of",
]
