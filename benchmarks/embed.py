"""Measures embedding speed: decoding alone, the network alone and both together, side by side.

The bar for both together is 85 % of the slower of the two alone. All three share the same cores, so the table also
shows the share of the most that those cores can do, 1 / (1 / decode + 1 / network).

    python benchmarks/embed.py [FOLDER] [--backbones efficientnet_lite2,inception_v3] [--precisions f32,bf16,int8]

Inception-v3 and Xception run with random weights if ImageNet's are not available: speed does not depend on them.
"""

import argparse
import importlib.metadata
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.settings import Settings
from engine.backbones import (
    ARCHITECTURES,
    build_network,
    embed_photos,
    import_keras,
    load_backbone,
    load_input,
    resolve_spec,
    trunk_of,
)
from engine.errors import BackboneUnavailable
from engine.exports import processor_has_bf16
from engine.protocols import Backbone, BackboneSpec

_DEFAULT_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "grocery"
_BAR = 0.85
_SINGLE_QUERIES = 60


def main() -> None:
    options = _options()
    photos = [path.read_bytes() for path in sorted(options.folder.glob("**/*.jpg"))[:: options.every][: options.photos]]
    if not photos:
        raise SystemExit(f"{options.folder} must hold .jpg photos; got none.")
    print(_machine(), f"{len(photos)} photos of {options.folder.name}; medians of {options.repeats} rounds", sep="\n")
    print(f"\n{'backbone':20}{'precision':>10}{'decode/s':>10}{'network/s':>11}{'whole/s':>9}", end="")
    print(f"{'of slower':>11}{'of cores':>10}{'one photo ms':>14}  bar")
    with tempfile.TemporaryDirectory() as home:
        for name in options.backbones.split(","):
            settings = _with_weights(Settings(home=Path(home), backbone=name))
            for precision in options.precisions.split(","):
                if precision != "bf16" or processor_has_bf16():
                    _row(settings.replace(precision=precision), photos, options.repeats)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=_DEFAULT_FOLDER)
    parser.add_argument("--backbones", default="efficientnet_lite2,inception_v3")
    parser.add_argument("--precisions", default="f32,bf16,int8")
    parser.add_argument("--photos", type=int, default=512)
    parser.add_argument("--every", type=int, default=5, help="take every n-th photo of the folder")
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def _machine() -> str:
    model = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), "?")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("openvino", "keras", "pillow"))
    cores, busy = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return f"{model}, {cores} cores, load {busy:.1f}; Python {platform.python_version()}, {versions}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _with_weights(settings: Settings) -> Settings:
    try:
        resolve_spec(settings.replace(precision="f32"))
        return settings
    except BackboneUnavailable:
        import_keras()
        path = settings.home / f"{settings.backbone}.weights.h5"
        architecture = ARCHITECTURES[settings.backbone]
        trunk_of(build_network(architecture, architecture.input_size)).save_weights(path)
        return settings.replace(weights=str(path))


def _row(settings: Settings, photos: list[bytes], repeats: int) -> None:
    """Measures one backbone at one precision; the three kinds of work take turns, so that a busy moment slows all."""
    spec = resolve_spec(settings)
    inputs = np.stack([load_input(photo, spec.input_size, settings, spec.preprocessing) for photo in photos])
    backbone = load_backbone(settings, spec, calibration=inputs)
    work: dict[str, Callable[[], None]] = {
        "decode": lambda: _decode(photos, spec, settings),
        "network": lambda: _network(backbone, inputs),
        "whole": lambda: _whole(backbone, photos, settings),
    }
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeats):
        for name, run in work.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    decode, network, whole = (len(photos) / statistics.median(seconds[name]) for name in work)
    of_slower, of_cores = whole / min(decode, network), whole * (1 / decode + 1 / network)
    single_ms = _single_ms(load_backbone(settings, spec, latency=True), inputs[:1])
    print(f"{spec.name:20}{spec.precision:>10}{decode:10.1f}{network:11.1f}{whole:9.1f}", end="")
    print(
        f"{of_slower:10.0%} {of_cores:9.0%} {single_ms:13.1f}  {'reached' if of_slower >= _BAR else 'missed'}",
        flush=True,
    )


def _decode(photos: list[bytes], spec: BackboneSpec, settings: Settings) -> None:
    with ThreadPoolExecutor(settings.cores) as pool:
        for _ in pool.map(lambda photo: load_input(photo, spec.input_size, settings, spec.preprocessing), photos):
            pass


def _network(backbone: Backbone, inputs: NDArray[np.uint8]) -> None:
    batches = [inputs[start : start + 32] for start in range(0, len(inputs), 32)]
    with ThreadPoolExecutor(int(getattr(backbone, "parallel", 1))) as pool:
        for _ in pool.map(backbone.embed, batches):
            pass


def _whole(backbone: Backbone, photos: list[bytes], settings: Settings) -> None:
    def refuse(key: str, error: Exception) -> None:
        raise SystemExit(f"photo {key} must be readable; got {error}.")

    keys = [str(number) for number in range(len(photos))]
    embed_photos(backbone, keys, lambda key: photos[int(key)], settings, lambda *_: None, refuse)


def _single_ms(backbone: Backbone, image: NDArray[np.uint8]) -> float:
    """Returns the median time of one query in milliseconds, after a warm-up."""
    taken = []
    for _ in range(_SINGLE_QUERIES):
        started = time.perf_counter()
        backbone.embed(image)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[5:]) * 1000


if __name__ == "__main__":
    main()
