"""Reads `backbone.toml`, which describes a backbone that a user brought: what it reads, what it answers, its files."""

from dataclasses import dataclass
from pathlib import Path

from data.settings import BACKBONES
from engine.errors import BackboneUnavailable
from engine.own_backbones.tables import NAME, OwnNetwork, PixelInput, Rules, described

FILE = "backbone.toml"
FOLDER = "backbones"
OF_BACKBONE = "backbone"  # as the setting text_encoder: the text tower of the backbone
_MOST_TOKENIZER_BYTES = 64_000_000
_RULES: Rules = {
    "channels": ("RGB", "BGR"),
    "layout": ("NCHW", "NHWC"),
    "fit": ("middle", "centre", "whole"),
    "resample": ("bilinear", "bicubic"),
    "pooling": ("none", "average", "first"),
    "input_size": (32, 1024),
    "shown": (0.5, 1.0),
    "dim": (2, 8192),
    "length": (4, 512),
    "pad_id": (0, 10_000_000),
}


@dataclass(frozen=True, kw_only=True)
class ImageSide(PixelInput):
    """The image tower.

    Attributes:
        output: name of the output that is taken.
        dim: width of a photo's features.
        fit, shown, resample: which part of a photo it sees, see `engine.backbones.View`.
        pooling: how the output becomes one row: `none`, the output is (n, dim); `average` over the map (n, c, h, w), or
            over the pieces (n, pieces, dim); `first`, the first of the pieces.
    """

    output: str
    dim: int
    fit: str = "middle"
    shown: float = 0.875
    resample: str = "bilinear"
    pooling: str = "none"


@dataclass(frozen=True, kw_only=True)
class TextSide:
    """The text tower of a joint model: its output (n, dim) lies in the space of the image tower's.

    Attributes:
        onnx: its file, which may be the image tower's.
        tokenizer: a file of the library `tokenizers`.
        output: name of the output that is taken.
        ids, mask: names of the inputs for the pieces' numbers and for which of them count; an empty `mask`: none.
        length: how many pieces it reads; longer texts are cut, shorter ones filled with `pad_id`.
    """

    onnx: str
    tokenizer: str
    output: str
    length: int
    pad_id: int
    ids: str = "input_ids"
    mask: str = ""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What the network's authors compute of a photo, and of a text, by which wrong preprocessing shows.

    Attributes:
        photo: its file.
        vector: its features, in any length.
        text, text_vector: the same of a text; both empty: none was given.
    """

    photo: str
    vector: tuple[float, ...]
    text: str = ""
    text_vector: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OwnBackbone(OwnNetwork):
    """A backbone that a user brought, in `$LOOKALIKE_HOME/backbones/<name>/`."""

    image: ImageSide
    text: TextSide | None
    reference: Reference | None

    def most_bytes(self, file: str) -> int:
        return _MOST_TOKENIZER_BYTES if self.text and file == self.text.tokenizer else super().most_bytes(file)


def is_own(home: Path, name: str) -> bool:
    """Returns whether `name` is a network that a user brought to this home; its files are not looked at."""
    return bool(NAME.fullmatch(name)) and (home / FOLDER / name / FILE).exists()


def read_own(home: Path, name: str) -> OwnBackbone:
    """Returns the description of the network of this name.

    Raises:
        BackboneUnavailable: there is none.
        InvalidModel: its `backbone.toml` breaks a rule; the message says which.
    """
    check_name(name)
    if not is_own(home, name):
        raise BackboneUnavailable(f"backbone must be one that `lookalike backbone add` stored; got {name!r}.")
    return read_folder(home / FOLDER / name)


def check_name(name: str) -> None:
    """Raises BackboneUnavailable unless `name` may name a backbone of a user."""
    if not NAME.fullmatch(name) or name in BACKBONES:
        raise BackboneUnavailable(
            f"a backbone's name must have up to 64 small letters, digits, - and _, and must not be one of "
            f"{', '.join(BACKBONES)}; got {name!r:.80}."
        )


def read_folder(folder: Path) -> OwnBackbone:
    """Returns the description in a folder.

    Raises:
        InvalidModel: it is missing or breaks a rule.
    """
    with described(folder, FILE, "docs/backbones.md") as tables:
        image = tables.section("image", ImageSide, _RULES)
        text = tables.section("text", TextSide, _RULES) if "text" in tables.fields else None
        reference = tables.section("reference", Reference, _RULES) if "reference" in tables.fields else None
        for vector in (reference.vector, reference.text_vector or reference.vector) if reference else ():
            if len(vector) != image.dim:
                raise ValueError(f"a reference vector of {len(vector)} numbers where dim is {image.dim}")
        needed = [image.onnx, *([text.onnx, text.tokenizer] if text else []), *([reference.photo] if reference else [])]
        return OwnBackbone(**tables.rest(needed), image=image, text=text, reference=reference)
