"""A folder that transformers saved, converted once: a CLIP so small that it is made here with random weights."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny_joint import LENGTH, tokenizer

from data.settings import Settings
from engine.backbones import load_backbone, resolve_spec
from engine.errors import InvalidModel
from engine.own_backbones import read_own
from engine.text import TextEncoder
from indexer.backbones import BackboneNotes, add

DIM = 16
TOWER = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
TEXTS = ["red", "a blue thing", ""]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP with its image processor and tokenizer; not to be changed."""
    import torch
    from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("clip")
    vision = {**TOWER, "image_size": 32, "patch_size": 8, "projection_dim": DIM}
    ends = {"eos_token_id": 1, "bos_token_id": 1, "pad_token_id": 0}
    text = {**TOWER, **ends, "vocab_size": 20, "max_position_embeddings": LENGTH, "projection_dim": DIM}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=DIM)
    CLIPModel(config).save_pretrained(folder)
    tokenizer(folder / "words.json")
    words = PreTrainedTokenizerFast(tokenizer_file=str(folder / "words.json"), pad_token="[PAD]", unk_token="[UNK]")
    words.save_pretrained(folder)
    (folder / "words.json").unlink()
    photos = {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 40}, "do_center_crop": True}
    photos |= {"crop_size": {"height": 32, "width": 32}, "do_normalize": True, "resample": 3}
    photos |= {"image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28]}
    (folder / "preprocessor_config.json").write_text(json.dumps(photos))
    return folder


def test_it_answers_as_transformers_does(folder: Path, settings: Settings) -> None:
    import torch
    from transformers import AutoTokenizer, CLIPModel

    found = add(settings, folder, "clip", BackboneNotes(licence="MIT"))
    assert (found.dim, found.has_text) == (DIM, True)
    assert found.reference_cosine is not None
    assert found.reference_cosine > 0.999
    image = read_own(settings.home, "clip").image
    assert (image.fit, image.shown, image.resample) == ("centre", 0.8, "bicubic")

    own = settings.replace(backbone="clip", precision="f32")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    seen = (pixels / 255 - np.array(image.mean)) / np.array(image.std)
    model = CLIPModel.from_pretrained(folder).eval()
    pieces = AutoTokenizer.from_pretrained(folder)(
        TEXTS, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt"
    )
    with torch.inference_mode():
        photos = model.visual_projection(
            model.vision_model(torch.tensor(seen.transpose(0, 3, 1, 2), dtype=torch.float32)).pooler_output
        ).numpy()
        asked = {name: pieces[name] for name in ("input_ids", "attention_mask")}
        words = model.text_projection(model.text_model(**asked).pooler_output).numpy()
    assert np.allclose(load_backbone(own, resolve_spec(own)).embed(pixels), photos, atol=1e-3)
    words /= np.linalg.norm(words, axis=1, keepdims=True)
    assert np.allclose(TextEncoder("backbones/clip", home=settings.home).embed(TEXTS), words, atol=1e-3)


def test_code_and_pickled_weights_of_a_folder_are_not_touched(folder: Path, settings: Settings, tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    shutil.copytree(folder, evil)
    config = json.loads((evil / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoModel": "run.Evil", "AutoConfig": "run.Evil"}}
    (evil / "config.json").write_text(json.dumps(config))
    (evil / "run.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(InvalidModel, match="contains custom code"):
        add(settings, evil, "evil", BackboneNotes())
    (evil / "model.safetensors").rename(evil / "pytorch_model.bin")
    with pytest.raises(InvalidModel, match="a folder that transformers saved"):
        add(settings, evil, "evil", BackboneNotes())
    assert not (tmp_path / "ran").exists()
    assert list((settings.home / "backbones").iterdir()) == []
