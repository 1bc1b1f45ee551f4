"""Lets products pass the condition of a colour whose own words say it, whatever their photos show: a green apple."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data.columns import within
from data.filters import Comparison
from data.vocabulary import NAMES, Wording
from engine.understanding.lexicon import any_of, one_of
from engine.understanding.parsing import content_of, without
from engine.understanding.reading import Reading
from engine.understanding.relaxing import Matching

_MANY = 500  # products; of a thing that so many are, enough have the colour, and to look through them takes long
_LOOKED_AT = 200  # products
_MOST, _MOST_LETTERS = 10, 64  # products and signs of their ids, since the condition names each


def worded_readings(readings: Sequence[Reading], text: str, wording: Wording, matching: Matching) -> list[Reading]:
    """Returns the readings, that of a colour also met by products whose words say that they are such a thing.

    Args:
        matching: returns which products pass a filter, bool by product_key.
    """
    if not any(reading.visible for reading in readings):
        return list(readings)
    things = [
        thing
        for thing in content_of(without(text, readings))
        if len(wording.holding([thing], _MANY, within=NAMES)) < _MANY
    ]
    return [
        _worded(reading, text[reading.start : reading.end], things, wording, matching) if reading.visible else reading
        for reading in readings
    ]


def _worded(reading: Reading, typed: str, things: Sequence[str], wording: Wording, matching: Matching) -> Reading:
    own = reading.filter.tree.values if isinstance(reading.filter.tree, Comparison) else ()
    said = wording.saying([typed, *map(str, own)], things, _LOOKED_AT)
    if not said:
        return reading
    keys = np.array(list(said), np.int64)
    lacking = keys[~within(matching(reading.filter), keys)].tolist()
    ids = [said[key] for key in lacking if len(said[key]) <= _MOST_LETTERS][:_MOST]
    return replace(reading, condition=any_of([reading.condition, one_of("product_id", ids)])) if ids else reading
