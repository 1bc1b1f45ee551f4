"""Names the colours of what a photo shows."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLOUR_NAMES = {
    "black": "검정", "white": "흰색", "grey": "회색", "red": "빨강", "orange": "주황", "yellow": "노랑",
    "green": "초록", "blue": "파랑", "purple": "보라", "pink": "분홍", "brown": "갈색", "beige": "베이지",
}  # fmt: skip


def dominant_colours(photo: Image.Image | NDArray[np.uint8]) -> tuple[str, ...]:
    return ()
