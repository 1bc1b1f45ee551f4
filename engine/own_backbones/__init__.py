"""Networks that users bring as ONNX files: their descriptions, the checks of their files, their form for OpenVINO."""

from engine.own_backbones.conversion import convert_image, convert_text
from engine.own_backbones.description import (
    FILE,
    FOLDER,
    OF_BACKBONE,
    VERSION,
    ImageSide,
    OwnBackbone,
    Reference,
    TextSide,
    check_name,
    is_own,
    read_folder,
    read_own,
    write_toml,
)
from engine.own_backbones.files import check_files, check_onnx, check_plain

__all__ = [
    "FILE",
    "FOLDER",
    "OF_BACKBONE",
    "VERSION",
    "ImageSide",
    "OwnBackbone",
    "Reference",
    "TextSide",
    "check_files",
    "check_name",
    "check_onnx",
    "check_plain",
    "convert_image",
    "convert_text",
    "is_own",
    "read_folder",
    "read_own",
    "write_toml",
]
