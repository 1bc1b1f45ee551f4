"""Networks that users bring as ONNX files: their descriptions, the checks of their files, their form for OpenVINO."""

from engine.own_backbones.conversion import (
    FAILURES,
    check_steps,
    convert_image,
    convert_text,
    part_of,
    with_pixels,
)
from engine.own_backbones.description import (
    FILE,
    FOLDER,
    OF_BACKBONE,
    ImageSide,
    OwnBackbone,
    Reference,
    TextSide,
    check_name,
    is_own,
    read_folder,
    read_own,
)
from engine.own_backbones.files import check_files, check_onnx, check_plain
from engine.own_backbones.tables import NAME, VERSION, OwnNetwork, PixelInput, Rules, described, write_toml

__all__ = [
    "FAILURES",
    "FILE",
    "FOLDER",
    "NAME",
    "OF_BACKBONE",
    "VERSION",
    "ImageSide",
    "OwnBackbone",
    "OwnNetwork",
    "PixelInput",
    "Reference",
    "Rules",
    "TextSide",
    "check_files",
    "check_name",
    "check_onnx",
    "check_plain",
    "check_steps",
    "convert_image",
    "convert_text",
    "described",
    "is_own",
    "part_of",
    "read_folder",
    "read_own",
    "with_pixels",
    "write_toml",
]
