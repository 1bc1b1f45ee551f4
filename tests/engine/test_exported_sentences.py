"""Sentence-transformers models without torch: what is exported embeds as torch does, and needs nothing else."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_encoder import write_encoder

from engine.errors import InvalidModel
from engine.exports import damaged_exports
from engine.text import TextEncoder, drop_unused_encoders, exported, publish_encoder, staged_encoder
from engine.text.exported import ExportedSentences, load_sentences

TEXTS = ["red mug", "a", "빨간 머그", "a1b2 " * 100, " spaces  ", "\ud800"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def home(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home into which the model of `folder` was exported."""
    home = tmp_path_factory.mktemp("home")
    TextEncoder(str(folder), 1, home)
    return home


def test_the_export_embeds_as_torch_does_one_by_one_and_together(folder: Path, home: Path) -> None:
    reference = TextEncoder(str(folder))
    encoder = TextEncoder(str(folder), 1, home)
    assert isinstance(encoder._model, ExportedSentences)
    assert (encoder.digest, encoder.dim) == (reference.digest, reference.dim)
    wanted = reference.embed(TEXTS[:-1])
    found = encoder.embed(TEXTS)[:-1]
    assert np.sum(found * wanted, axis=1).min() >= 0.999
    alone = np.concatenate([TextEncoder(str(folder), 1, home, encoder.digest).embed([text]) for text in TEXTS[:-1]])
    assert np.sum(alone * found, axis=1).min() >= 0.9999


def test_once_exported_neither_torch_nor_the_models_own_files_are_needed(folder: Path, home: Path) -> None:
    wanted = TextEncoder(str(folder)).embed(TEXTS[:2])
    digest = TextEncoder(str(folder)).digest
    program = (
        "import json, sys; from pathlib import Path; from engine.text import TextEncoder\n"
        f"rows = TextEncoder('no/such/model', 1, Path({str(home)!r}), {digest!r}).embed({TEXTS[:2]!r})\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'sklearn', 'tensorflow', 'keras', 'matplotlib'}\n"
        "print(json.dumps([rows.tolist(), sorted(heavy & set(sys.modules))]))"
    )
    rows, heavy = json.loads(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)
    assert heavy == []
    assert np.sum(np.array(rows) * wanted, axis=1).min() >= 0.999


def test_what_a_model_puts_before_each_text_stays(folder: Path, tmp_path: Path) -> None:
    asking = tmp_path / "asking"
    shutil.copytree(folder, asking)
    settings = json.loads((asking / "config_sentence_transformers.json").read_text())
    settings |= {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    (asking / "config_sentence_transformers.json").write_text(json.dumps(settings))
    TextEncoder(str(folder), 1, tmp_path / "home")  # the same weights, exported without it
    encoder = TextEncoder(str(asking), 1, tmp_path / "home")
    assert isinstance(encoder._model, ExportedSentences)
    assert np.sum(encoder.embed(["red mug"]) * TextEncoder(str(asking)).embed(["red mug"])) >= 0.999
    assert np.sum(encoder.embed(["red mug"]) * TextEncoder(str(folder)).embed(["red mug"])) < 0.999


def test_a_model_whose_export_embeds_otherwise_stays_with_torch(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(exported, "_NEAR", {"f32": 1.1, "bf16": 1.1})
    assert not isinstance(load_sentences(str(folder), 1, tmp_path), ExportedSentences)
    assert "runs with torch" in caplog.text
    assert not (tmp_path / "runtime").exists()


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json", "sentences.json"])
def test_a_damaged_export_is_refused_and_found_by_doctor(folder: Path, home: Path, tmp_path: Path, name: str) -> None:
    damaged = tmp_path / "home"
    shutil.copytree(home, damaged)
    [export] = (damaged / "runtime").iterdir()
    content = (export / name).read_bytes()
    (export / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InvalidModel, match="missing or was changed"):
        TextEncoder(str(folder), 1, damaged, export.name)
    assert list(damaged_exports(damaged)) == [export]


def test_the_export_of_a_tuned_encoder_goes_with_it(folder: Path, tmp_path: Path) -> None:
    with staged_encoder(tmp_path) as staged:
        shutil.copytree(folder, staged, dirs_exist_ok=True)
        name = publish_encoder(tmp_path, staged, TextEncoder(str(folder)).digest, {"key": "k"})
    TextEncoder(name, 1, tmp_path)
    assert len(list((tmp_path / "runtime").iterdir())) == 1
    assert drop_unused_encoders(tmp_path, (), unused_s=0) == [name]
    assert list((tmp_path / "runtime").iterdir()) == []
