"""A sentence-transformers model of two small layers with random weights, made without a network."""

from pathlib import Path
from typing import Any

from engine.protocols import Floats

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
DIM = 16


def write_encoder(folder: Path, *, seed: int = 0) -> Path:
    """Writes the model, whose vocabulary is single letters and runs of them, and returns its folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    raw = folder.with_name(f"{folder.name}-raw")
    raw.mkdir(parents=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = BertModel(
            BertConfig(
                vocab_size=len(vocabulary), hidden_size=DIM, num_hidden_layers=2, num_attention_heads=2,
                intermediate_size=2 * DIM, max_position_embeddings=64, initializer_range=0.3,
            )
        )  # fmt: skip
    network.save_pretrained(raw)
    BertTokenizerFast(vocab={piece: number for number, piece in enumerate(vocabulary)}).save_pretrained(raw)
    model = SentenceTransformer(modules=[Transformer(str(raw), max_seq_length=32), Pooling(DIM)], device="cpu")
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def layer_values(model: Any, layer: int) -> list[Floats]:
    """Returns copies of all weights of one transformer layer."""
    found = model[0].auto_model.encoder.layer[layer].parameters()
    return [weight.detach().numpy().copy() for weight in found]
