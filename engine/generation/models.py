"""`Models`: backbones, text encoders and detectors, loaded at first use and shared by generations."""

import copy
import threading

from data.settings import Settings
from engine.detectors import Detector, read_own
from engine.protocols import Backbone, BackboneSpec
from engine.text import TextEncoder, TextHead, encoder_of_head


class Models:
    """Backbones, text encoders and detectors, loaded at first use and shared by all generations that need them.

    Args:
        backbone: returned for its own fingerprint, instead of loading one.
        encoder: returned for its own name, instead of loading one.
    """

    def __init__(
        self, settings: Settings, backbone: Backbone | None = None, encoder: TextEncoder | None = None
    ) -> None:
        self._settings = settings
        # all may load at the same time
        self._backbone_lock, self._encoder_lock, self._detector_lock = (threading.Lock() for _ in range(3))
        self._backbones = {backbone.spec.fingerprint: backbone} if backbone else {}
        self._encoders = {encoder.digest: encoder} if encoder else {}
        self._detectors: dict[str, Detector] = {}
        self._detector_home = settings.home  # also where generations come from other homes

    def at(self, settings: Settings) -> "Models":
        """Returns models that are loaded from another home; what either has loaded, both have."""
        other = copy.copy(self)
        other._settings = settings
        return other

    def backbone(self, spec: BackboneSpec) -> Backbone:
        with self._backbone_lock:
            if spec.fingerprint not in self._backbones:
                from engine.backbones import load_backbone

                self._backbones[spec.fingerprint] = load_backbone(self._settings, spec, latency=True)
            return self._backbones[spec.fingerprint]

    def encoder(self, head: TextHead) -> TextEncoder:
        with self._encoder_lock:
            if head.encoder_digest not in self._encoders:
                self._encoders[head.encoder_digest] = encoder_of_head(head, self._settings.home)
            return self._encoders[head.encoder_digest]

    def detector(self, name: str) -> Detector:
        """Returns the detector of this name in the home that these models were made for.

        Raises:
            InvalidModel: there is none, or it is damaged.
        """
        with self._detector_lock:
            if name not in self._detectors:
                own = read_own(self._detector_home, name)
                self._detectors[name] = Detector(own, self._settings.cores)
            return self._detectors[name]

    def keep_only(self, fingerprint: str, encoder_digest: str) -> None:
        """Drops every model except the backbone with this fingerprint and the text encoder with this digest."""
        with self._backbone_lock, self._encoder_lock:
            for key in self._backbones.keys() - {fingerprint}:
                del self._backbones[key]
            for key in self._encoders.keys() - {encoder_digest}:
                del self._encoders[key]
