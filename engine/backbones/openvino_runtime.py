"""Runs backbones on a CPU with OpenVINO: exports and quantises a network once, then embeds single photos or many.

`f32` and `bf16` share one exported model, stored under the fingerprint of `f32`; `int8` has its own. Loading a model
imports neither Keras nor TensorFlow.
"""

import contextlib
import dataclasses
import math
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import exports
from engine.backbones.feature_maps import channels_last, of_last_map, strength_of, with_map
from engine.errors import BackboneUnavailable, NoFeatureMap
from engine.exports import export_folder, processor_options, publish_export, read_export
from engine.protocols import BackboneSpec, Floats, Look

# Images per request: on two cores, 4 was faster than 1, 8 or 32 at every precision.
_BATCH = 4
CALIBRATION_PHOTOS = 200
# Where several queries come at once, gaps between them are short; one that falls into a gap is not alone for long.
_CROWD_S = 0.5


def model_folder(home: Path, spec: BackboneSpec) -> Path:
    """Returns the folder of the exported model of `spec`, whether or not it exists yet."""
    stored = spec if spec.precision == "int8" else dataclasses.replace(spec, precision="f32")
    return export_folder(home, stored.fingerprint)


def is_exported(home: Path, spec: BackboneSpec) -> bool:
    return exports.is_exported(model_folder(home, spec))


def export(home: Path, spec: BackboneSpec, convert: Callable[[], Any]) -> Path:
    """Stores a network as a floating-point model, unless one is stored already.

    Args:
        home: `$LOOKALIKE_HOME`.
        spec: describes the network.
        convert: makes the `openvino.Model`, uint8 (n, input_size, input_size, 3) -> float32 (n, dim); called only
            if no model is stored yet.

    Returns:
        The folder of the exported model.
    """
    folder = model_folder(home, dataclasses.replace(spec, precision="f32"))
    if not exports.is_exported(folder):
        publish_export(folder, convert())
    return folder


def quantise(home: Path, spec: BackboneSpec, photos: Iterable[NDArray[np.uint8]]) -> Path:
    """Makes the int8 model of `spec` from its exported floating-point model, unless one is stored already.

    Post-training quantisation by NNCF, which measures the ranges of activations on the photos.

    Args:
        home: `$LOOKALIKE_HOME`.
        spec: describes the network, with precision `int8`.
        photos: network inputs, uint8 (input_size, input_size, 3) each; the first 200 are used.

    Raises:
        BackboneUnavailable: there are no photos.
    """
    folder = model_folder(home, spec)
    if exports.is_exported(folder):
        return folder
    samples = [photo[np.newaxis] for photo, _ in zip(photos, range(CALIBRATION_PHOTOS), strict=False)]
    if not samples:
        raise BackboneUnavailable(
            f"precision int8 of {spec.name} must be calibrated on photos once; got none. "
            "Run lookalike rebuild with a catalogue, or take --precision f32."
        )
    import nncf

    model = read_export(model_folder(home, dataclasses.replace(spec, precision="f32")))
    with contextlib.redirect_stdout(sys.stderr):  # NNCF prints progress; stdout is for results
        quantised = nncf.quantize(
            model, nncf.Dataset(samples), preset=nncf.QuantizationPreset.MIXED, subset_size=len(samples)
        )
    publish_export(folder, quantised)
    return folder


class OpenVinoBackbone:
    """A backbone run by OpenVINO on the CPU; safe to call from several threads at once.

    Args:
        home: `$LOOKALIKE_HOME`, which holds the exported model.
        spec: describes the network.
        threads: processor threads to use.
        latency: for single queries. One that comes alone takes all threads; while several come at once, they are
            computed side by side, which takes longer for each but less processor time.

    Attributes:
        parallel: from how many threads `embed` is best called at once.

    Raises:
        InvalidModel: a file of the exported model is missing or was changed.
    """

    def __init__(self, home: Path, spec: BackboneSpec, *, threads: int, latency: bool = False) -> None:
        import openvino

        self._spec = spec
        self._core = openvino.Core()
        self._model = read_export(model_folder(home, spec))
        precision = "bf16" if spec.precision == "bf16" else "f32"
        self._options = processor_options(threads, precision, "LATENCY" if latency else "THROUGHPUT")
        self._counting = threading.Lock()
        self._at_work, self._crowded_until = 0, -math.inf  # requests; seconds of `time.monotonic`
        self._alone = self._requests() if latency else None
        self.parallel = 1 if latency else self._side_by_side.qsize()
        self._looking = threading.Lock()

    @property
    def spec(self) -> BackboneSpec:
        return self._spec

    def embed(self, images: NDArray[np.uint8]) -> Floats:
        """Returns pool_3 features float32 (n, dim) of RGB images uint8 (n, input_size, input_size, 3)."""
        rows = np.empty((len(images), self._spec.dim), np.float32)
        for start in range(0, len(images), _BATCH):
            rows[start : start + _BATCH] = self._infer(images[start : start + _BATCH])
        return rows

    def look(self, images: NDArray[np.uint8]) -> Look:
        """Returns what the network saw in RGB images uint8 (n, input_size, input_size, 3); one call at a time.

        Raises:
            NoFeatureMap: no layer of the network lies over the photo as a grid.
        """
        with self._looking:
            outputs = [np.array(each, np.float32) for each in self._look_request.infer([images]).to_tuple()]
        features, middle = outputs
        return Look(features, strength_of(middle))

    def last_map(self, images: NDArray[np.uint8]) -> Floats:
        """Returns the map whose mean over its places is the features, float32 (n, g, g, dim); one call at a time.

        Raises:
            NoFeatureMap: the features of this network are no such mean.
        """
        with self._looking:
            found = np.array(self._map_request.infer([images])[0], np.float32)
        return channels_last(found, self._spec.dim)

    @cached_property
    def _look_request(self) -> Any:
        # A model of its own: more outputs would slow down every search, and change the last digits of its features.
        model = with_map(self._model)
        if model is None:
            raise NoFeatureMap(
                f"the backbone {self._spec.name} cannot say where in a photo things are: none of its layers lies "
                "over the photo as a grid. Leave objects out, or give a box.",
                field="objects",
            )
        return self._core.compile_model(model, "CPU", self._options).create_infer_request()

    @cached_property
    def _map_request(self) -> Any:
        model = of_last_map(self._model)
        if model is None:
            raise NoFeatureMap(
                f"the backbone {self._spec.name} cannot say which part of a photo counts: its features are not the "
                "mean of a map that lies over the photo. Leave why out.",
                field="why",
            )
        return self._core.compile_model(model, "CPU", self._options).create_infer_request()

    def _infer(self, images: NDArray[np.uint8]) -> Floats:
        with self._counting:
            self._at_work += 1
            now = time.monotonic()
            if self._at_work > 1:
                self._crowded_until = now + _CROWD_S
            free = self._alone if self._alone and now >= self._crowded_until else self._side_by_side
        # Waiting for a free request bounds memory and keeps two threads from using one.
        request = free.get()
        try:
            outputs = request.infer([np.ascontiguousarray(images)], share_inputs=True)
            return np.array(outputs[0], np.float32)
        finally:
            free.put(request)
            with self._counting:
                self._at_work -= 1

    @cached_property
    def _side_by_side(self) -> queue.SimpleQueue[Any]:
        """Requests that run at once; made when they are first needed, since a command needs none."""
        return self._requests(PERFORMANCE_HINT="THROUGHPUT")

    def _requests(self, **options: str) -> queue.SimpleQueue[Any]:
        """Compiles the network and returns as many requests as are best run at once."""
        compiled = self._core.compile_model(self._model, "CPU", {**self._options, **options})
        requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))):
            requests.put(compiled.create_infer_request())
        return requests
