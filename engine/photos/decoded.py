"""`DecodedPhoto`: a decoded photo, and where in it lies what a network sees."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.photos import Pixels, decode_photo, inside_borders
from data.settings import Settings
from engine.backbones import decode_target, to_input, view_of
from engine.protocols import BackboneSpec

Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class DecodedPhoto:
    """A decoded photo within its borders.

    Attributes:
        pixels: uint8 (h, w, 3).
        left, top: where they begin, in pixels of the photo as shown.
        scale: pixels of the photo as shown to a pixel here.
        width, height: of the whole photo as shown.
        spec: describes the network.
    """

    pixels: Pixels
    left: float
    top: float
    scale: float
    width: int
    height: int
    spec: BackboneSpec

    @classmethod
    def decode(
        cls, content: bytes, spec: BackboneSpec, settings: Settings, *, sharper: int = 1, box: Box | None = None
    ) -> Self:
        """Decodes a photo for a network.

        Args:
            content: the file's bytes.
            sharper: how many times larger than the network's input it stays.
            box: x0, y0, x1, y1 in pixels of the photo as shown: the part that counts.

        Raises:
            InvalidImage: the bytes are not an image that this project accepts.
        """
        around = None if box is None else view_of(spec.preprocessing).around(box)
        target = sharper * decode_target(spec.input_size, spec.preprocessing) if box is None else None
        photo = decode_photo(content, settings, target=target, crop=around)
        left, top, right, bottom = inside_borders(photo.pixels) if box is None else (0, 0, *photo.pixels.shape[1::-1])
        scale = photo.width / photo.pixels.shape[1] if box is None else 1.0
        x0, y0 = (0, 0) if around is None else around[:2]
        return cls(
            pixels=photo.pixels[top:bottom, left:right], left=x0 + left * scale, top=y0 + top * scale, scale=scale,
            width=photo.width, height=photo.height, spec=spec,
        )  # fmt: skip

    @property
    def window(self) -> Box:
        """Left, top, width and height of what the network sees, in pixels here; it may reach beyond them."""
        height, width = self.pixels.shape[:2]
        return view_of(self.spec.preprocessing).window(width, height)

    @property
    def network_input(self) -> Pixels:
        """What the network reads, uint8 (input_size, input_size, 3)."""
        return to_input(self.pixels, self.spec.input_size, self.spec.preprocessing)

    def in_photo(self, box: ArrayLike) -> NDArray[np.float64]:
        """Returns a box x0, y0, x1, y1 of pixels here in pixels of the photo as shown, float64 (4,)."""
        return np.asarray(box, np.float64) * self.scale + [self.left, self.top, self.left, self.top]
