"""Measures whether `why=map` shows the part of a photo that makes it like another.

1. On composites of 2 to 4 photos of different categories (see things.py), each photo is compared with another photo of
   its category: how often the place that counts most lies in the right one of the pasted photos, and how much of all
   that counts does. Beside that stand its area and the place to which the network responds most, whatever it is
   compared with.
2. On single photos, the fifth of the places that count most is covered: how much the score falls, and how much with a
   random fifth.
3. The processor time of this process for a search by photo with and without `why=map`.

    python benchmarks/why_maps.py HOME FOLDER [--composites 100] [--seed 0] [--threads 1]

HOME is a home with a live generation, FOLDER holds one folder of photos per category.
"""

import io
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from things import Box, composite, composite_parser

from data.settings import Settings
from engine.generation import Generation
from engine.likeness import part_of
from engine.photos import DecodedPhoto
from engine.protocols import Floats, LookingBackbone
from engine.search import SearchEngine, SearchRequest

Picture = Image.Image
_COVERED = 0.2  # share of the places
_SPEED_ROUNDS = 15


def main() -> None:
    options = composite_parser(__doc__ or "", threads=1).parse_args()
    settings = Settings(home=options.home, threads=options.threads)
    engine = SearchEngine(settings)
    engine.warm()
    draw = random.Random(options.seed)
    paths = defaultdict(list)
    for path in sorted(options.folder.glob("**/*.jpg")):
        paths[path.parent.name].append(path)
    usable = {name: found for name, found in paths.items() if len(found) > 1}
    measure = _Measure(engine._live.view().generation, settings)
    for _ in range(options.composites):
        pairs = [draw.sample(usable[name], 2) for name in draw.sample(sorted(usable), draw.choice((2, 3, 4)))]
        measure.composite(draw, pairs, options.fill)
        measure.covering(draw, *pairs[0])
    measure.tell()
    _tell_times(engine, [draw.choice(found) for found in usable.values()])


class _Measure:
    """Collects what the maps of pairs of photos show."""

    def __init__(self, generation: Generation, settings: Settings) -> None:
        self._generation, self._settings = generation, settings
        self._right: dict[str, list[bool]] = defaultdict(list)
        self._shares: dict[str, list[float]] = defaultdict(list)
        self._falls: dict[str, list[float]] = defaultdict(list)

    def composite(self, draw: random.Random, pairs: list[list[Path]], fill: Sequence[float]) -> None:
        picture, boxes = composite(draw, [Image.open(one).convert("RGB") for one, _ in pairs], fill)
        seen = self._seen(_png(picture))
        places = self._places(seen.network_input)
        for (_, other), box in zip(pairs, boxes, strict=True):
            counts = {"why=map": self._counts(places, self._point(other)), "response": places.sum(axis=2)}
            for name, one in counts.items():
                part = part_of(seen, one, None)
                grid = np.array(part.grid) if part else np.zeros((1, 1))  # nothing: it shows no part
                inside = _inside(box, picture.size, grid.shape)
                self._right[name].append(part is not None and bool(inside.flat[grid.argmax()]))
                self._shares[name].append(float(grid[inside].sum() / max(grid.sum(), 1.0)))
            self._shares["area"].append(float(inside.mean()))  # of the response, which shows some part of every photo

    def covering(self, draw: random.Random, one: Path, other: Path) -> None:
        """Covers parts of what the network sees of a photo with its mean colour."""
        pixels = self._seen(one.read_bytes()).network_input
        places, point = self._places(pixels), self._point(other)
        counts = self._counts(places, point)
        score = float(counts.mean())
        random_order = np.array(draw.sample(range(counts.size), counts.size))
        for name, order in (("strongest", np.argsort(-counts, axis=None)), ("random", random_order)):
            covered = _covered(pixels, order[: round(_COVERED * counts.size)], len(counts))
            self._falls[name].append(score - float(self._counts(self._places(covered), point).mean()))

    def tell(self) -> None:
        for name, right in self._right.items():
            print(f"{name}: in the right photo {np.mean(right):.3f}, share of all {np.mean(self._shares[name]):.3f}")
        print(f"area of the right photo {np.mean(self._shares['area']):.3f}; {len(self._shares['area'])} pasted photos")
        for name, falls in self._falls.items():
            print(f"the {name} fifth covered: the score falls by {np.mean(falls):.3f} (median {np.median(falls):.3f})")
        more = np.array(self._falls["strongest"]) > np.array(self._falls["random"])
        print(f"it falls by more than with a random fifth in {more.mean():.2f} of {len(more)} photos")

    def _seen(self, content: bytes) -> DecodedPhoto:
        return DecodedPhoto.decode(content, self._generation.spec, self._settings)

    def _places(self, pixels: NDArray[np.uint8]) -> Floats:
        places: Floats = cast(LookingBackbone, self._generation.backbone()).last_map(pixels[None])[0]
        return places

    def _point(self, path: Path) -> Floats:
        places = self._places(self._seen(path.read_bytes()).network_input)
        point: Floats = self._generation.projection.apply(places.mean(axis=(0, 1))[None])[0]
        return point

    def _counts(self, places: Floats, point: Floats) -> Floats:
        added = self._generation.places_of_photo(places.reshape(-1, places.shape[2]))
        return (added @ point).reshape(places.shape[:2])


def _inside(box: Box, size: tuple[int, int], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Returns which places of a grid over a photo of this size have their middle in the box."""
    across, down = ((np.arange(count) + 0.5) / count * side for count, side in zip(shape[::-1], size, strict=True))
    return np.outer((down > box[1]) & (down < box[3]), (across > box[0]) & (across < box[2]))


def _covered(pixels: NDArray[np.uint8], places: NDArray[np.intp], side: int) -> NDArray[np.uint8]:
    covered = pixels.copy()
    edges = np.linspace(0, len(pixels), side + 1).round().astype(int)
    for row, column in zip(*np.divmod(places, side), strict=True):
        covered[edges[row] : edges[row + 1], edges[column] : edges[column + 1]] = pixels.mean(axis=(0, 1))
    return covered


def _png(picture: Picture) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _tell_times(engine: SearchEngine, paths: list[Path]) -> None:
    """Prints the processor time of searches, alternating; the photos are decoded in processes of their own."""
    times: dict[str, list[float]] = defaultdict(list)
    kinds: dict[str, tuple[str, int]] = {"plain": ("", 5), "1 map": ("map", 1), "5 maps": ("map", 5)}
    for number, path in enumerate(paths[:_SPEED_ROUNDS]):
        for place, (name, (why, k)) in enumerate(kinds.items()):
            content = path.read_bytes() + bytes([number, place])  # of its own, so that no features are known
            started = time.process_time()
            engine.search(SearchRequest(image=content, why=why, k=k))
            times[name].append((time.process_time() - started) * 1000)
    print("; ".join(f"{name}: {np.median(found):.1f} ms" for name, found in times.items()))


if __name__ == "__main__":
    main()
