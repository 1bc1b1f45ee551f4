"""Measures features of one frozen backbone: input sizes, mirror images, and ways to pool its last map.

    python benchmarks/features.py --home DIR --photos train.csv [--sizes 260,320] [--poolings average,middle]
        [--backbone efficientnet_lite2]

train.csv has the columns path,label; docs/recognition.md makes one. Every photo is embedded once for each size, and the
rows stay in DIR. All figures are out of fold, and photos that look alike share a fold (`look_folds`):

- svm, softmax: the label is named first, on features whitened within the labels, as the voters use them;
- nearest: the nearest photo of the other folds has the label, on the same features (R@1);
- new labels: the same for 16 labels, four draws, from which the whitening has not learned;
- plain: the nearest photo by the features' square roots alone.

A line `photo, close-up` means that both are learned from, and that queries and the photos that they are compared with
are the mean of both; `mirror image` likewise.
"""

import argparse
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from data.settings import Settings
from engine.backbones import load_backbone, load_input, model_folder, resolve_spec
from engine.exports import read_export
from engine.protocols import BackboneSpec, Floats
from engine.recognition import VIEWS, transform_rows
from engine.space import normalise
from training.photos import from_files, look_folds
from training.voters import SoftmaxOptions, fit_axes, fit_softmax, fit_svm, whitening

_FOLDS, _DRAWS, _LEFT_OUT = 4, 4, 16
_SHRINKAGE, _C, _EPOCHS = 0.3, 0.3, 50
_WIDTH = 0.6  # of the weights around the middle, in half sides of the map
_BATCH = 8
Numbers = NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--sizes", default="260,320")
    parser.add_argument("--poolings", default="average,middle", help="and strong, scda")
    parser.add_argument("--backbone", default="efficientnet_lite2")
    given = parser.parse_args()
    photos = from_files(given.photos)
    settings = Settings(home=given.home.absolute(), backbone=given.backbone)
    folds: Numbers | None = None
    print(f"{len(photos)} photos, {len(photos.labels)} labels; size pooling views, then %")
    for size in map(int, given.sizes.split(",")):
        spec = resolve_spec(settings.replace(input_size=size))
        name = hashlib.sha256("".join(photos.keys).encode()).hexdigest()[:12]
        rows = _kept(given.home / f"looks-{spec.fingerprint[:12]}-{name}.safetensors", settings, spec, photos.sources)
        if folds is None:  # the same folds for every size
            folds = look_folds(transform_rows("sqrt_l2", rows["average"][0]), photos.y, _FOLDS)
        for pooling in given.poolings.split(","):
            views = rows[pooling]
            for label, used in (("photo", [0]), ("photo, mirror image", [0, 1]), ("photo, close-up", [0, 2])):
                figures = _measured(views[used], photos.y, len(photos.labels), folds)
                text = "".join(f"  {key} {100 * value:5.1f}" for key, value in figures.items())
                print(f"{size} {pooling:14} {label:20}{text}", flush=True)


def _kept(path: Path, settings: Settings, spec: BackboneSpec, sources: Sequence[Path]) -> dict[str, Floats]:
    if not path.exists():
        save_file(_embedded(settings, spec, sources), path)
    return {name: rows.astype(np.float32) for name, rows in load_file(path).items()}


def _embedded(settings: Settings, spec: BackboneSpec, sources: Sequence[Path]) -> dict[str, Floats]:
    """Returns pooling -> float16 (3, n, dim), the photos, their mirror images and their close-ups."""
    map_of = _last_map(settings, spec)
    found: dict[str, list[Floats]] = {}
    for start in range(0, len(sources), _BATCH):
        inputs = [
            load_input(path.read_bytes(), spec.input_size, settings, spec.preprocessing, look)
            for look in VIEWS
            for path in sources[start : start + _BATCH]
        ]
        for pooling, rows in _pooled(map_of(np.stack(inputs))).items():
            found.setdefault(pooling, []).append(rows.reshape(len(VIEWS), -1, rows.shape[1]).astype(np.float16))
    return {pooling: np.concatenate(blocks, axis=1) for pooling, blocks in found.items()}


def _last_map(settings: Settings, spec: BackboneSpec) -> Callable[[NDArray[np.uint8]], Floats]:
    """Returns what computes the map that the network averages, float32 (n, g, g, c)."""
    import openvino

    load_backbone(settings.replace(input_size=spec.input_size), spec)  # exports it once
    model = read_export(model_folder(settings.home, spec))
    pooling = model.get_results()[0].input_value(0).get_node()
    while len(pooling.input_value(0).get_partial_shape()) != 4:
        pooling = pooling.input_value(0).get_node()
    last = pooling.input_value(0)
    options = {"INFERENCE_PRECISION_HINT": "bf16" if spec.precision == "bf16" else "f32"}
    wanted = openvino.Model([last], model.get_parameters(), "map")
    request = openvino.Core().compile_model(wanted, "CPU", options).create_infer_request()
    channels_first = last.get_partial_shape()[1] != last.get_partial_shape()[2]

    def compute(images: NDArray[np.uint8]) -> Floats:
        found = np.array(request.infer([np.ascontiguousarray(images)])[0], np.float32)
        return found.transpose(0, 2, 3, 1) if channels_first else found

    return compute


def _pooled(maps: Floats) -> dict[str, Floats]:
    """Returns pooling -> rows float32 (n, c) of maps float32 (n, g, g, c)."""
    count, side = maps.shape[:2]
    places, strength = maps.reshape(count, side * side, -1), maps.sum(axis=3).reshape(count, -1)
    axis = np.linspace(-1, 1, side)
    middle = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * _WIDTH**2)).ravel()
    weights = {
        "average": np.ones_like(strength),
        "middle": np.broadcast_to(middle, strength.shape),
        "strong": strength,  # each place by its strength
        "scda": strength > strength.mean(axis=1, keepdims=True),  # Wei et al., 2017, without the largest component
    }
    return {name: np.einsum("npc,np->nc", places, w / w.sum(axis=1, keepdims=True)) for name, w in weights.items()}


def _measured(views: Floats, y: Numbers, labels: int, folds: Numbers) -> dict[str, float]:
    """Returns the figures of the module's docstring, each 0..1, for rows float32 (views, n, dim)."""
    right: dict[str, list[NDArray[np.bool_]]] = {name: [] for name in ("svm", "softmax", "nearest", "plain")}
    for fold in range(_FOLDS):
        learned, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        mapped = _whitened(views, y, learned)
        rows, truth = mapped[:, learned].reshape(-1, mapped.shape[2]), np.tile(y[learned], len(views))
        queries = normalise(mapped[:, held].mean(axis=0))
        svm = fit_svm(rows, truth, labels, c=_C, copies=len(views))
        soft, _ = fit_softmax(rows, truth, labels, SoftmaxOptions(), copies=len(views), epochs=_EPOCHS)
        right["svm"].append(svm.logits(queries).argmax(axis=1) == y[held])
        right["softmax"].append(soft.logits(queries).argmax(axis=1) == y[held])
        right["nearest"].append(_nearest(normalise(mapped[:, learned].mean(axis=0)), queries, y[learned]) == y[held])
        plain = np.stack([transform_rows("sqrt_l2", view) for view in views])
        found = _nearest(normalise(plain[:, learned].mean(axis=0)), normalise(plain[:, held].mean(axis=0)), y[learned])
        right["plain"].append(found == y[held])
    figures = {name: float(np.concatenate(each).mean()) for name, each in right.items()}
    return figures | ({"new labels": _of_new_labels(views, y, labels, folds)} if labels > 2 * _LEFT_OUT else {})


def _of_new_labels(views: Floats, y: Numbers, labels: int, folds: Numbers) -> float:
    right = []
    for draw in range(_DRAWS):
        is_new = np.isin(y, np.random.default_rng(draw).choice(labels, _LEFT_OUT, replace=False))
        mapped = _whitened(views, y, np.flatnonzero(~is_new))
        for fold in range(_FOLDS):
            asked, others = np.flatnonzero(is_new & (folds == fold)), np.flatnonzero(folds != fold)
            found = _nearest(
                normalise(mapped[:, others].mean(axis=0)), normalise(mapped[:, asked].mean(axis=0)), y[others]
            )
            right.append(found == y[asked])
    return float(np.concatenate(right).mean())


def _whitened(views: Floats, y: Numbers, learned: Numbers) -> Floats:
    """Returns all rows in the voters' features, which the `learned` photos decide, float32 (views, n, d), L2 norm 1."""
    axes = fit_axes("sqrt_l2", views[0, learned])
    points = axes.project(views)
    matrix = whitening(points[:, learned].reshape(-1, points.shape[2]), np.tile(y[learned], len(views)), _SHRINKAGE)
    return np.stack([normalise(view @ matrix) for view in points])


def _nearest(index: Floats, queries: Floats, y: Numbers) -> Numbers:
    return np.asarray(y[(queries @ index.T).argmax(axis=1)])


if __name__ == "__main__":
    main()
