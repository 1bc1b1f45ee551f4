"""Measures what it costs that photos are decoded in other processes: this process against the pool, photo by photo.

    python benchmarks/decoding.py [--photos 40] [--rounds 15]

The photos are drawn: ordinary JPEGs of 1 to 4 megapixels, decoded for the network's input as a search does. Each is
decoded both ways in turn, round by round, and its fastest round counts, since other work on the machine only makes it
slower. The bar is 1 ms more for a photo, in the median.
"""

import argparse
import io
import statistics
import time
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from data.photos import caps, decode_photo, images
from data.settings import Settings
from engine.backbones import decode_target

_INPUT_SIDE = 299
_BAR_MS = 1.0
_SIZES = ((1_200, 900), (1_600, 1_200), (2_000, 1_500), (2_300, 1_725))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    settings, target = Settings(), decode_target(_INPUT_SIDE)
    photos = [_photo(number) for number in range(options.photos)]
    ways: dict[str, Callable[[bytes], object]] = {
        "this process": lambda content: images.decode_photo(content, settings, target=target),
        "pool": lambda content: decode_photo(content, settings, target=target),
        "caps alone": lambda content: caps.check_caps(content, target),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for content in photos:
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, run in ways.items():
                started = time.perf_counter()
                run(content)
                times[name].append((time.perf_counter() - started) * 1000)
        for name in ways:
            taken[name].append(min(times[name]))
    print(f"{len(photos)} JPEGs, {statistics.mean(map(len, photos)) / 1000:.0f} kB in the mean, target {target}")
    for name in ways:
        print(f"{name:14} {statistics.median(taken[name]):7.2f} ms a photo")
    more = statistics.median(np.subtract(taken["pool"], taken["this process"]))
    print(f"{'pool costs':14} {more:7.2f} ms more a photo: {'reached' if more <= _BAR_MS else 'missed'}")


def _photo(number: int) -> bytes:
    """Returns a picture with as much detail as a camera's, as JPEG."""
    width, height = _SIZES[number % len(_SIZES)]
    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((width, height))
    noise = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).filter(ImageFilter.BoxBlur(2))
    out = io.BytesIO()
    Image.blend(coarse, noise, 0.3).save(out, "JPEG", quality=90)
    return out.getvalue()


if __name__ == "__main__":
    main()
