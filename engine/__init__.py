"""The computing layer: backbones, towers, voters, index, ranking and search."""

import sys

# With this package, OpenVINO and NNCF tell Google Analytics of every start and conversion; without it, nobody.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
