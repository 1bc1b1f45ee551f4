"""Measures what it costs that photos are decoded in other processes: this process against the pool, photo by photo.

    python benchmarks/decoding.py [--photos 40] [--rounds 15]

The photos are drawn: ordinary JPEGs of 1 to 4 megapixels, decoded for the network's input as a search does. Each is
decoded both ways in turn, round by round, and its fastest round counts, since other work on the machine only makes it
slower. Processor time is that of this process and of the decoder processes together; on a busy machine it says more
than the clock. The bar is 1 ms more for a photo, in the median.
"""

import argparse
import io
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

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
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for content in photos:
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, run in ways.items():
                clock, processor = time.perf_counter(), _processor_ms()
                run(content)
                times[name].append(((time.perf_counter() - clock) * 1000, _processor_ms() - processor))
        for name in ways:
            clocks, processors = zip(*times[name], strict=True)
            taken[name].append((min(clocks), min(processors)))
    print(f"{len(photos)} JPEGs, {statistics.mean(map(len, photos)) / 1000:.0f} kB in the mean, target {target}")
    for name in ways:
        clock, processor = np.median(taken[name], axis=0)
        print(f"{name:14} clock {clock:6.2f} ms, processor {processor:6.2f} ms a photo")
    clock, processor = np.median(np.subtract(taken["pool"], taken["this process"]), axis=0)
    verdict = "reached" if processor <= _BAR_MS else "missed"
    print(f"{'pool costs':14} clock {clock:6.2f} ms, processor {processor:6.2f} ms more a photo: {verdict}")


def _processor_ms() -> float:
    """Returns the processor time of this process and its decoder processes, which Linux counts in nanoseconds."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    there_ns = sum(int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) for pid in children)
    return time.process_time() * 1000 + there_ns / 1e6


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
