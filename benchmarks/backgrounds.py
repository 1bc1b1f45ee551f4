"""Measures how often photos still find their product when the thing in them is pasted on another background.

    python benchmarks/backgrounds.py HOME FOLDER [--seed 0]

HOME is a home that was rebuilt with a catalogue whose categories are called as the folders of photos in FOLDER. The
thing is cut out with GrabCut of OpenCV (extra `bench`), which starts from where the network responds; then it is pasted
on a plain, striped, checked or grainy ground. Cuts are not perfect, so some of the loss is theirs.
"""

import argparse
import io
import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from things import ground

from data.generations import GenerationStore
from data.settings import Settings
from engine.backbones import load_backbone, to_input
from engine.protocols import BackboneSpec, LookingBackbone
from engine.search import SearchEngine, SearchRequest

_SIDE = 480  # pixels of the longer side
_STRONG, _WEAK = 1.0, -0.5  # standard deviations of the response
_LEAST, _MOST = 0.05, 0.9  # share of a photo that a usable cut covers
_ROUNDS = 4
Pixels = NDArray[np.uint8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    home = options.home.absolute()
    spec = BackboneSpec.from_json(GenerationStore(home).open().manifest.backbone)
    settings = Settings(home=home, backbone=spec.name)
    engine, draw = SearchEngine(settings), random.Random(options.seed)
    engine.warm()
    backbone = load_backbone(settings, spec)
    if not isinstance(backbone, LookingBackbone):
        raise SystemExit(f"{backbone.spec.name} cannot say where in a photo things are: no layer of it is a map.")
    found: dict[str, list[bool]] = {"as they are": [], "on another ground": []}
    for path in sorted(options.folder.glob("**/*.jpg")):
        picture = Image.open(path).convert("RGB")
        picture.thumbnail((_SIDE, _SIDE))
        pixels = np.asarray(picture)
        thing = cut(pixels, backbone)
        if not _LEAST <= thing.mean() <= _MOST:
            continue
        pasted = np.where(thing[:, :, None], pixels, np.asarray(ground(draw, *picture.size)))
        for name, each in zip(found, (pixels, pasted), strict=True):
            hits = engine.search(SearchRequest(image=_jpeg(each), k=1)).hits
            found[name].append(hits[0].category == path.parent.name)
    print(f"{spec.name} at {spec.input_size} pixels, {len(found['as they are'])} photos that could be cut")
    for name, right in found.items():
        print(f"{name:20} R@1 {np.mean(right):.3f}")


def cut(pixels: Pixels, backbone: LookingBackbone) -> NDArray[np.bool_]:
    """Returns where the thing in a photo is, bool (h, w), for pixels uint8 (h, w, 3)."""
    import cv2

    height, width = pixels.shape[:2]
    side = max(height, width)
    square = np.zeros((side, side, 3), np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = pixels
    seen = backbone.look(to_input(square, backbone.spec.input_size, "within-borders-whole-1.0-bilinear-2")[None])
    whole = np.asarray(Image.fromarray(seen.strength[0]).resize((side, side)))
    strength = whole[top : top + height, left : left + width]
    strength = (strength - strength.mean()) / (strength.std() + 1e-9)
    mask = np.where(strength > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    mask[strength < _WEAK] = cv2.GC_BGD
    mask[strength > _STRONG] = cv2.GC_FGD
    cv2.grabCut(pixels[:, :, ::-1].copy(), mask, None, np.zeros((1, 65)), np.zeros((1, 65)), _ROUNDS)
    return np.asarray(np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)))


def _jpeg(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
