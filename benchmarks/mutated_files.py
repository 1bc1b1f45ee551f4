"""Gives damaged and hostile photos to the decoders: every one must be a photo or one refusal, in bounded time.

    python benchmarks/mutated_files.py [--files 100000] [--seed 1] [--threads 2]

Each file is an ordinary photo of one of the accepted formats, changed in one to three ways: bytes flipped, the end cut
off, parts moved, repeated or taken from another file, and numbers of its header set to extremes. The same seed makes
the same files. Prints what came of them; exit status 1 if one took over 3 s, raised anything but a refusal, or was
refused because its decoder crashed, had a defect or used up its processor time.
"""

import argparse
import io
import random
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from PIL import Image

from data.errors import InvalidImage
from data.photos import decode_photo, decoder_outcomes
from data.settings import Settings

MOST_S = 3.0
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF)
_AHEAD = 64
Change = Callable[[random.Random, bytearray, list[bytes]], bytearray]


def seeds() -> list[bytes]:
    """Returns small photos of every format that is accepted."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)).resize((96, 64))
    photos = [
        _encoded(picture, "JPEG", quality=90, exif=b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"),
        _encoded(picture, "JPEG", progressive=True, icc_profile=bytes(500)),
        _encoded(picture.convert("CMYK"), "JPEG"),
        _encoded(picture.convert("L"), "JPEG"),
        _encoded(picture, "PNG", icc_profile=bytes(500)),
        _encoded(picture.convert("RGBA"), "PNG"),
        _encoded(picture.quantize(32), "PNG", transparency=bytes(32)),
        _encoded(Image.fromarray(np.full((64, 96), 40_000, np.uint16)), "PNG"),
        _encoded(picture, "WEBP"),
        _encoded(picture.convert("RGBA"), "WEBP", lossless=True, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"),
        _encoded(picture, "WEBP", save_all=True, append_images=[picture.rotate(90)]),
        _encoded(picture, "GIF", comment=b"c" * 300),
        _encoded(picture, "GIF", save_all=True, append_images=[picture.rotate(90)]),
        _encoded(picture, "AVIF"),
        _encoded(picture, "BMP"),
    ]
    return [*photos, *_heic(picture)]


def mutated(rng: random.Random, photos: list[bytes]) -> bytes:
    """Returns one of the photos, changed in one to three ways."""
    content = bytearray(rng.choice(photos))
    for _ in range(rng.randint(1, 3)):
        content = rng.choice(_CHANGES)(rng, content, photos)
    return bytes(content)


@dataclass
class Outcomes:
    """What came of the files.

    Attributes:
        codes: how many gave which result: `photo`, the code of a refusal, or `RAISED` and an exception.
        slow: seconds of those that took longer than `MOST_S`.
    """

    codes: Counter[str] = field(default_factory=Counter)
    slow: list[float] = field(default_factory=list)
    longest_s: float = 0.0

    @property
    def raised(self) -> bool:
        return any(code.startswith("RAISED") for code in self.codes)

    def add(self, code: str, seconds: float) -> None:
        self.codes[code] += 1
        self.longest_s = max(self.longest_s, seconds)
        if seconds > MOST_S:
            self.slow.append(seconds)


def run(files: int, seed: int, threads: int, settings: Settings) -> Outcomes:
    """Decodes `files` mutated photos from several threads."""
    rng, photos, outcomes = random.Random(seed), seeds(), Outcomes()
    with ThreadPoolExecutor(threads) as pool:
        contents = (mutated(rng, photos) for _ in range(files))
        for code, seconds in _ahead(pool, partial(_decoded, settings=settings), contents):
            outcomes.add(code, seconds)
    return outcomes


def _decoded(content: bytes, settings: Settings) -> tuple[str, float]:
    started = time.perf_counter()
    try:
        decode_photo(content, settings, target=64)
        code = "photo"
    except InvalidImage as error:
        code = error.code
    # anything else is what this looks for
    except Exception as error:
        code = f"RAISED {error!r}"
    return code, time.perf_counter() - started


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[bytes], tuple[str, float]], contents: Iterator[bytes]
) -> Iterator[tuple[str, float]]:
    waiting: deque[Future[tuple[str, float]]] = deque()
    for content in contents:
        waiting.append(pool.submit(work, content))
        if len(waiting) > _AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _flip(rng: random.Random, content: bytearray, photos: list[bytes]) -> bytearray:
    for _ in range(rng.choice((1, 3, 20))):
        if content:
            content[rng.randrange(len(content))] = rng.randrange(256)
    return content


def _flip_in_header(rng: random.Random, content: bytearray, photos: list[bytes]) -> bytearray:
    for _ in range(rng.choice((1, 2, 4))):
        if content:
            content[rng.randrange(min(len(content), 200))] = rng.choice(_EXTREMES)
    return content


def _extreme_number(rng: random.Random, content: bytearray, photos: list[bytes]) -> bytearray:
    """Sets 2 or 4 bytes, perhaps a size or a count, to 0, 1, half or all of what they can hold."""
    place, width = rng.randrange(max(1, min(len(content), 600))), rng.choice((2, 4))
    value = rng.choice((bytes(width), bytes(width - 1) + b"\1", b"\x7f" + b"\xff" * (width - 1), b"\xff" * width))
    content[place : place + width] = value
    return content


def _cut(rng: random.Random, content: bytearray, photos: list[bytes]) -> bytearray:
    return content[: rng.randrange(len(content) + 1)]


def _repeat(rng: random.Random, content: bytearray, photos: list[bytes]) -> bytearray:
    """Repeats a part, up to 3,000 times: whole segments among them."""
    start = rng.randrange(len(content) + 1)
    part = content[start : start + rng.choice((2, 12, 60, 400))]
    return content[:start] + part * rng.choice((2, 50, 3_000 if len(part) <= 60 else 300)) + content[start:]


def _splice(rng: random.Random, content: bytearray, photos: list[bytes]) -> bytearray:
    """Puts a part of another photo in, or in the place of what was there."""
    other = rng.choice(photos)
    start, place = rng.randrange(len(other)), rng.randrange(len(content) + 1)
    part = other[start : start + rng.choice((8, 100, len(other)))]
    return content[:place] + part + content[place + rng.choice((0, len(part))) :]


def _move(rng: random.Random, content: bytearray, photos: list[bytes]) -> bytearray:
    first, second = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    return content[:first] + content[second:] + content[first:second]


_CHANGES: tuple[Change, ...] = (_flip, _flip_in_header, _extreme_number, _cut, _repeat, _splice, _move)


def _encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _heic(picture: Image.Image) -> list[bytes]:
    """Returns the picture as HEIC where this machine's library can write it; everywhere it can read it."""
    import pillow_heif

    try:
        out = io.BytesIO()
        pillow_heif.from_pillow(picture).save(out, quality=60)
        return [out.getvalue()]
    except (RuntimeError, OSError):
        return []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    started = time.perf_counter()
    outcomes = run(options.files, options.seed, options.threads, Settings())
    seconds = time.perf_counter() - started
    print(f"{options.files:,} files, seed {options.seed}, {seconds:.0f} s; longest {outcomes.longest_s:.2f} s")
    for code, count in outcomes.codes.most_common():
        print(f"{count:9,}  {code}")
    pool = decoder_outcomes()
    print("as the pool counts them:", ", ".join(f"{count:,} {name}" for name, count in pool.items()))
    print(f"over {MOST_S:g} s: {len(outcomes.slow)}")
    sys.exit(outcomes.raised or bool(outcomes.slow) or any(pool.get(name) for name in ("crash", "defect", "time")))


if __name__ == "__main__":
    main()
