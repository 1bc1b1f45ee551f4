"""Measures how often the first hit is right for photos with borders around them, and which photos are trimmed wrongly.

    python benchmarks/borders.py --photos DIR [--plain DIR] [--queries 100] [--catalogue 1000]

Each folder of DIR that holds photos is a class. Every fifth photo is a query, the others are the catalogue; no query
photo is in it. A hit is right if it is of the query's class. `before` embeds whole photos, `after` what lies within
their borders. Photos of --plain, products on plain grounds for instance, are only counted: none should be trimmed.
"""

import argparse
import random
import tempfile
from collections.abc import Iterable
from pathlib import Path

import bordered
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.photos import decode, decode_within_borders
from data.settings import Settings
from engine.backbones import decode_target, load_backbone, load_input, resolve_spec
from engine.protocols import Backbone, Floats

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


class Embedder:
    """Embeds photos as today (`after`) and as without trimming (`before`)."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.backbone: Backbone = load_backbone(settings, resolve_spec(settings))
        spec = self.backbone.spec
        self.size, self.preprocessing = spec.input_size, spec.preprocessing

    def __call__(self, photos: Iterable[bytes], *, trimmed: bool) -> Floats:
        inputs = [self._input(content, trimmed) for content in photos]
        batches = [self.backbone.embed(np.stack(inputs[at : at + 32])) for at in range(0, len(inputs), 32)]
        features = np.sqrt(np.maximum(np.concatenate(batches), 0))
        return np.asarray(features / np.linalg.norm(features, axis=1, keepdims=True))

    def _input(self, content: bytes, trimmed: bool) -> NDArray[np.uint8]:
        if trimmed:
            return load_input(content, self.size, self.settings, self.preprocessing)
        pixels = decode(content, self.settings, target=decode_target(self.size, self.preprocessing))
        return load_input(pixels, self.size, self.settings, self.preprocessing)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--plain", type=Path)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--catalogue", type=int, default=1000)
    arguments = parser.parse_args()
    files = photos_of(arguments.photos)
    queries = spread(files[2::5], arguments.queries)
    catalogue = spread([file for number, file in enumerate(files) if number % 5 != 2], arguments.catalogue)
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), backbone="efficientnet_lite2", precision="f32")
        count_trimmed(settings, "photos", files)
        if arguments.plain:
            count_trimmed(settings, "plain", photos_of(arguments.plain))
        measure(Embedder(settings), queries, catalogue)


def measure(embed: Embedder, queries: list[Path], catalogue: list[Path]) -> None:
    plain = embed((file.read_bytes() for file in catalogue), trimmed=False)
    labels = np.array([file.parent.name for file in catalogue])
    wanted = np.array([file.parent.name for file in queries])

    def right(points: Floats, of: Floats = plain) -> float:
        return float((labels[np.argmax(points @ of.T, axis=1)] == wanted).mean())

    untouched = [file.read_bytes() for file in queries]
    print(f"{len(queries)} queries, {len(catalogue)} photos in the catalogue; R@1")
    print(f"{'queries':22} before  after")
    print(
        f"{'untouched':22} {right(embed(untouched, trimmed=False)):6.3f} {right(embed(untouched, trimmed=True)):6.3f}"
    )
    for kind, make in bordered.kinds().items():
        rng = random.Random(kind)
        framed = [bordered.encoded(make(Image.open(file).convert("RGB"), rng)) for file in queries]
        before, after = embed(framed, trimmed=False), embed(framed, trimmed=True)
        print(f"{kind:22} {right(before):6.3f} {right(after):6.3f}", flush=True)
    rng = random.Random("catalogue")
    kinds = list(bordered.kinds().values())
    framed = [bordered.encoded(rng.choice(kinds)(Image.open(file).convert("RGB"), rng)) for file in catalogue]
    points = embed(untouched, trimmed=True)
    before, after = embed(framed, trimmed=False), embed(framed, trimmed=True)
    print(f"{'bordered catalogue':22} {right(points, before):6.3f} {right(points, after):6.3f}")


def count_trimmed(settings: Settings, name: str, files: list[Path]) -> None:
    trimmed = []
    for file in files:
        content = file.read_bytes()
        inside = decode_within_borders(content, settings, target=298)
        if inside.shape != decode(content, settings, target=298).shape:
            trimmed.append(file.name)
    print(f"{name}: {len(trimmed)} of {len(files)} trimmed {trimmed[:5]}", flush=True)


def photos_of(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)


def spread(files: list[Path], count: int) -> list[Path]:
    return files[:: max(1, len(files) // count)][:count]


if __name__ == "__main__":
    main()
