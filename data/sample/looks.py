"""The look of one sample product: the colours, pattern and gloss it is painted with."""

from dataclasses import dataclass

from data.sample.canvas import Colour, Fill


@dataclass(frozen=True, kw_only=True)
class Look:
    """Paint for one product.

    Attributes:
        fill: the main surface, with pattern and texture.
        main, accent: the colours of that surface and of its pattern.
        trim: the colour of handles, soles, straps, legs and other small parts.
        gloss: how shiny the material is, 0..1.
    """

    fill: Fill
    main: Colour
    accent: Colour
    trim: Colour
    gloss: float
