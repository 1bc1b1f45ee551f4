"""Turns a folder that Hugging Face's library transformers saved into ONNX files and their description, once.

The folder's own image processor and tokenizer compute the reference, so that the checks compare with them.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data.storage import parse_json, read_small
from engine.arrays import check_safetensors
from engine.errors import InvalidModel, MissingExtra

_CONFIG, _PHOTOS, _TOKENS, _WEIGHTS = "config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors"
_PHOTO = "reference.png"
_TEXT = "a red shoe"
_RESAMPLING = {2: "bilinear", 3: "bicubic"}  # Pillow's numbers
_OPSET = 17


def is_hugging_face(folder: Path) -> bool:
    """Returns whether transformers may have saved this folder."""
    return (folder / _CONFIG).is_file() and (folder / _WEIGHTS).is_file()


def export_folder(folder: Path, staged: Path) -> dict[str, dict[str, Any]]:
    """Writes the ONNX files, the tokenizer and the reference photo into `staged`; returns the description's tables.

    No network is used, no code of the folder is run, and no pickled weights are read.

    Raises:
        InvalidModel: transformers cannot load the folder, or it does not say how photos are prepared.
        MissingExtra: transformers or torch are not installed.
    """
    check_safetensors(folder / _WEIGHTS)
    try:
        import torch
        from transformers import AutoImageProcessor, AutoModel, AutoTokenizer
    except ModuleNotFoundError as error:
        raise MissingExtra(f"{folder.name} must be converted once, which needs the extra `train`.") from error
    own = {"local_files_only": True, "trust_remote_code": False}
    try:
        image = _image_table(folder)
        model = AutoModel.from_pretrained(str(folder), use_safetensors=True, **own).eval()
        processor = AutoImageProcessor.from_pretrained(str(folder), backend="pil", **own)
        joint = hasattr(model, "get_text_features")
        tokenizer = AutoTokenizer.from_pretrained(str(folder), **own) if joint else None
        _draw().save(staged / _PHOTO)
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporter, about itself
            pixels = processor(Image.open(staged / _PHOTO), return_tensors="pt")["pixel_values"]
            tables = _export_image(model, pixels, staged, image)
            if tokenizer is not None:
                (staged / _TOKENS).write_bytes(read_small(folder / _TOKENS, 64_000_000))
                tables |= _export_text(model, tokenizer, staged, tables["reference"])
    # transformers, torch and the exporter raise whatever comes on a model that they do not know
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, IndexError, ImportError) as error:
        raise InvalidModel(
            f"{folder} must be a model of images that transformers loads; got {error!s:.500}."
        ) from error
    return tables


def _image_table(folder: Path) -> dict[str, Any]:
    """Returns how photos are prepared, from the folder's `preprocessor_config.json`."""
    fields = parse_json(read_small(folder / _PHOTOS))
    cropped = bool(fields.get("do_center_crop"))
    size, crop = _side(fields["size"]), _side(fields["crop_size"]) if cropped else _side(fields["size"])
    scaled = abs(float(fields.get("rescale_factor", 1 / 255)) - 1 / 255) < 1e-9
    normalised = bool(fields.get("do_normalize", True))
    if not scaled:
        raise ValueError(f"{_PHOTOS} with another rescale_factor than 1/255")
    return {
        "input_size": crop,
        "mean": fields["image_mean"] if normalised else [0.0] * 3,
        "std": fields["image_std"] if normalised else [1.0] * 3,
        "fit": "centre" if cropped else "whole",
        "shown": round(crop / size, 4) if cropped else 1.0,
        "resample": _RESAMPLING[int(fields.get("resample", 3))],
    }


def _side(size: Any) -> int:
    """Returns the side in pixels: of a number, of `shortest_edge`, or of a height and an equal width."""
    sides = {int(each) for each in size.values()} if isinstance(size, dict) else {int(size)}
    if len(sides) != 1:
        raise ValueError(f"a size that is not square: {size!r:.80}")
    return sides.pop()


def _draw() -> Image.Image:
    """Returns a colourful photo, wider than high, that tells preprocessings apart."""
    squares = np.random.default_rng(1).integers(0, 256, (6, 9, 3), np.uint8)
    return Image.fromarray(squares).resize((480, 320), Image.Resampling.BICUBIC)


def _export_image(model: Any, pixels: Any, staged: Path, image: dict[str, Any]) -> dict[str, dict[str, Any]]:
    features = getattr(model, "get_image_features", model.forward)
    model.forward = lambda pixel_values: _rows(features(pixel_values=pixel_values))
    vector = model(pixels)[0].tolist()
    _write(model, (pixels,), staged / "image.onnx", ["pixel_values"], "image_embeds")
    facts = {"onnx": "image.onnx", "input": "pixel_values", "output": "image_embeds", "dim": len(vector)}
    return {"image": {**facts, **image}, "reference": {"photo": _PHOTO, "vector": vector}}


def _export_text(model: Any, tokenizer: Any, staged: Path, reference: dict[str, Any]) -> dict[str, dict[str, Any]]:
    length = int(model.config.text_config.max_position_embeddings)
    pieces = tokenizer([_TEXT], padding="max_length", truncation=True, max_length=length, return_tensors="pt")
    masked = "attention_mask" in tokenizer.model_input_names
    names = ["input_ids", "attention_mask"] if masked else ["input_ids"]
    model.forward = lambda *given: _rows(model.get_text_features(**dict(zip(names, given, strict=True))))
    given = tuple(pieces[name] for name in names)
    vector = model(*given)[0].tolist()
    _write(model, given, staged / "text.onnx", names, "text_embeds")
    text = {"onnx": "text.onnx", "tokenizer": _TOKENS, "output": "text_embeds", "length": length}
    text |= {"pad_id": int(tokenizer.pad_token_id), "mask": "attention_mask" if masked else ""}
    return {"text": text, "reference": {**reference, "text": _TEXT, "text_vector": vector}}


def _rows(answer: Any) -> Any:
    """Returns one row of features for each photo or text of what a model answers."""
    if not hasattr(answer, "last_hidden_state"):
        return answer
    pooled = getattr(answer, "pooler_output", None)
    return answer.last_hidden_state[:, 0] if pooled is None else pooled


def _write(tower: Any, given: tuple[Any, ...], path: Path, names: list[str], output: str) -> None:
    import torch

    torch.onnx.export(
        tower,
        given,
        str(path),
        input_names=names,
        output_names=[output],
        dynamic_axes={name: {0: "batch"} for name in (*names, output)},
        opset_version=_OPSET,
        dynamo=False,
    )
