"""Measures how near the features of a photo stay when it comes in a wide gamut, or lacks its last lines.

    python benchmarks/unusual_photos.py DIR [--photos 60]

Each photo below DIR is saved again in Display P3 and in Adobe RGB, with the profile and without it (as if it were
ignored), and cut short so that up to 5 % of its lines are missing. The table shows the cosine between the features
(square root, L2 norm 1) of each copy and of the photo saved again in the same quality, in sRGB and whole.
"""

import argparse
import io
import tempfile
from pathlib import Path

import colour_profiles as profiles
import numpy as np
from PIL import Image, ImageCms

from data.errors import InvalidImage
from data.settings import Settings
from engine.backbones import load_backbone, load_input, resolve_spec
from engine.protocols import Floats

GAMUTS = {
    "Display P3": profiles.profile(profiles.DISPLAY_P3, profiles.curve_of_srgb()),
    "Adobe RGB": profiles.profile(profiles.ADOBE_RGB, profiles.gamma(2.2)),
}
QUALITY = 90


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--photos", dest="most", type=int, default=60)
    chosen = parser.parse_args()
    files = sorted(chosen.photos.rglob("*.jpg"))
    files = files[:: max(1, len(files) // chosen.most)][: chosen.most]
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), backbone="efficientnet_lite2", precision="f32")
        backbone = load_backbone(settings, resolve_spec(settings))

        def features(content: bytes) -> Floats:
            rows = backbone.embed(
                load_input(content, backbone.spec.input_size, settings, backbone.spec.preprocessing)[None]
            )
            roots = np.sqrt(np.maximum(rows[0], 0))
            return np.asarray(roots / np.linalg.norm(roots))

        cosines: dict[str, list[float]] = {}
        for file in files:
            with Image.open(file) as opened:
                picture = opened.convert("RGB")
            usual = features(_jpeg(picture))
            for name, copy in _copies(picture).items():
                try:
                    cosines.setdefault(name, []).append(float(usual @ features(copy)))
                except InvalidImage:  # a cut that takes more than 5 % of the lines
                    continue
    print(f"{'copy':28} {'photos':>6} {'median':>7} {'lowest':>7}")
    for name, found in cosines.items():
        print(f"{name:28} {len(found):6} {np.median(found):7.3f} {min(found):7.3f}")


def _copies(picture: Image.Image) -> dict[str, bytes]:
    copies = {}
    for name, profile in GAMUTS.items():
        wide = ImageCms.profileToProfile(
            picture, ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(io.BytesIO(profile))
        )
        if wide is None:
            raise RuntimeError(f"LittleCMS must convert to {name}; got no picture.")
        wide.info.clear()
        copies[name] = _jpeg(wide, profile)
        copies[f"{name}, profile ignored"] = _jpeg(wide)
    whole = _jpeg(picture)
    copies["2 % of the bytes cut off"] = whole[: len(whole) * 98 // 100]
    copies["4 % of the bytes cut off"] = whole[: len(whole) * 96 // 100]
    return copies


def _jpeg(picture: Image.Image, profile: bytes | None = None) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY, icc_profile=profile)
    return out.getvalue()


if __name__ == "__main__":
    main()
