"""Measures how well several things in one photo are found, on composites that this program makes of single photos.

2 to 4 photos of different categories are pasted on a plain or a busy ground, none over another. A thing is found where
the box that covers it best has a first hit of its category. Beside that stands how often the single photos find theirs.

    python benchmarks/things.py HOME FOLDER [--composites 100] [--seed 0] [--fill 0.65 0.97] [--detector NAME]

HOME is a home that was rebuilt with a catalogue whose categories are called as the folders of photos in FOLDER.
"""

import argparse
import io
import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from data.settings import Settings
from engine.search import SearchEngine, SearchRequest

Picture = Image.Image
Box = tuple[float, float, float, float]
_SIZES = ((1280, 960), (960, 1280))
_GROUNDS = ("plain", "stripes", "checks", "grain")
_FILL = (0.65, 0.97)


def main() -> None:
    parser = composite_parser(__doc__ or "", threads=0)
    parser.add_argument("--detector", default="", help="a detector of the home, instead of the backbone's boxes")
    options = parser.parse_args()
    engine = SearchEngine(Settings(home=options.home, threads=options.threads, detector=options.detector))
    engine.warm()
    draw = random.Random(options.seed)
    paths = sorted(options.folder.glob("**/*.jpg"))
    single: list[bool] = []
    found: list[bool] = []
    covers: list[float] = []
    counts: list[int] = []
    times: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for _ in range(options.composites):
        photos = _different(draw, paths)
        picture, boxes = composite(draw, [Image.open(path).convert("RGB") for path in photos], options.fill)
        for asks_objects in draw.sample((False, True), 2):
            # bytes of its own, so that no search uses features that another has computed
            content = _jpeg(picture) + bytes([asks_objects])
            started = time.perf_counter(), time.process_time()
            answer = engine.search(SearchRequest(image=content, objects=asks_objects))
            times[asks_objects].append((time.perf_counter() - started[0], time.process_time() - started[1]))
            objects = answer.objects or ()
            counts += [len(objects)] if asks_objects else []
            for path, box in zip(photos, boxes, strict=True) if asks_objects else ():
                best = max(objects, key=lambda each: overlap(each.box, box), default=None)
                covers.append(overlap(best.box, box) if best else 0.0)
                found.append(best is not None and best.hits[0].category == path.parent.name and covers[-1] > 0.3)
        for path in photos:
            hits = engine.search(SearchRequest(image=path.read_bytes(), k=1)).hits
            single.append(hits[0].category == path.parent.name)
    _tell(single, found, covers, counts, times)


def composite(draw: random.Random, photos: list[Picture], fill: Sequence[float] = _FILL) -> tuple[Picture, list[Box]]:
    """Returns 2 to 4 photos pasted on a ground, and the box of each, x0, y0, x1, y1 in pixels.

    Args:
        fill: least and most of its cell that a photo fills, 0..1.
    """
    width, height = draw.choice(_SIZES)
    picture = ground(draw, width, height)
    boxes: list[Box] = []
    for photo, (x0, y0, x1, y1) in zip(photos, _cells(draw, len(photos), width > height), strict=True):
        across, down = (x1 - x0) * width, (y1 - y0) * height
        scale = min(across / photo.width, down / photo.height) * draw.uniform(*fill)
        small = photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.BICUBIC)
        left = round(x0 * width + draw.random() * (across - small.width))
        top = round(y0 * height + draw.random() * (down - small.height))
        picture.paste(small, (left, top))
        boxes.append((left, top, left + small.width, top + small.height))
    return picture, boxes


def ground(draw: random.Random, width: int, height: int) -> Picture:
    """Returns a ground of one colour with soft shadows, half of the time with stripes, checks or grain."""
    random_numbers = np.random.default_rng(draw.randrange(2**31))
    colour = random_numbers.uniform(60, 255, 3)
    shadows = Image.fromarray(random_numbers.normal(0, 18, (6, 8)).astype(np.float32))
    pixels = colour + np.asarray(shadows.resize((width, height), Image.Resampling.BICUBIC))[:, :, None]
    kind = draw.choice(_GROUNDS) if draw.random() < 0.67 else "plain"
    y, x = np.mgrid[:height, :width]
    step, strength = draw.uniform(20, 90), draw.uniform(20, 60)
    if kind == "stripes":
        turn = draw.uniform(0, np.pi)
        pixels += (strength * np.sign(np.sin((x * np.cos(turn) + y * np.sin(turn)) * 2 * np.pi / step)))[:, :, None]
    elif kind == "checks":
        pixels += (strength * (((x // step + y // step) % 2) * 2 - 1))[:, :, None]
    elif kind == "grain":
        pixels += random_numbers.normal(0, 35, (height // 4, width // 4)).repeat(4, 0).repeat(4, 1)[:, :, None]
    noisy = pixels + random_numbers.normal(0, 6, pixels.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _cells(draw: random.Random, count: int, is_wide: bool) -> list[Box]:
    """Returns parts of the picture, each 0..1, one for a photo."""
    quarters: list[Box] = [(0, 0, 0.5, 0.5), (0.5, 0, 1, 0.5), (0, 0.5, 0.5, 1), (0.5, 0.5, 1, 1)]
    if count == 4 or (count == 3 and draw.random() < 0.5):
        return draw.sample(quarters, count)
    strips: list[Box] = [(at / count, 0, (at + 1) / count, 1) for at in range(count)]
    return strips if is_wide else [(y0, x0, y1, x1) for x0, y0, x1, y1 in strips]


def overlap(one: Box | tuple[int, int, int, int], other: Box) -> float:
    """Returns the share of both boxes that both cover (intersection over union)."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(across, 0.0) * max(down, 0.0)
    return shared / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - shared)


def _different(draw: random.Random, paths: list[Path]) -> list[Path]:
    """Returns 2 to 4 photos of different categories."""
    by_category: dict[str, list[Path]] = {}
    for path in paths:
        by_category.setdefault(path.parent.name, []).append(path)
    names = draw.sample(sorted(by_category), draw.choice((2, 3, 4)))
    return [draw.choice(by_category[name]) for name in names]


def _jpeg(picture: Picture) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


def _tell(
    single: list[bool], found: list[bool], covers: list[float], counts: list[int],
    times: dict[bool, list[tuple[float, float]]],
) -> None:  # fmt: skip
    alone, thing = float(np.mean(single)), float(np.mean(found))
    print(f"{len(counts)} composites, {len(found)} things, {np.mean(counts):.1f} boxes each")
    print(f"R@1 of the single photo {alone:.3f}, of a thing {thing:.3f}: {thing / alone:.2f} times")
    print(f"boxes that overlap by half or more: {np.mean(np.array(covers) >= 0.5):.3f}")
    for place, name in enumerate(("clock time", "processor time of this process")):
        plain, objects = (float(np.median([pair[place] for pair in times[asked]])) * 1000 for asked in (False, True))
        print(f"{name}, median: {plain:.1f} ms, with objects {objects:.1f} ms: {objects / plain:.2f} times")


def composite_parser(about: str, *, threads: int) -> argparse.ArgumentParser:
    """Returns the parser of the options of a program that measures on composites.

    Args:
        about: the program's own docstring.
        threads: processor threads, if the option does not say.
    """
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument("home", type=Path, help="a home with a live generation")
    parser.add_argument("folder", type=Path, help="one folder of .jpg photos per category, at any depth")
    parser.add_argument("--composites", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    fill = "least and most of its cell that a photo fills; the cells are quarters, thirds or halves of the picture"
    parser.add_argument("--fill", type=float, nargs=2, default=_FILL, metavar="SHARE", help=fill)
    parser.add_argument("--threads", type=int, default=threads, help="processor threads; 1 gives the steadiest times")
    return parser


if __name__ == "__main__":
    main()
