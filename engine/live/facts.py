"""What is live, as plain values: the generation that is served, and what has changed since it was built."""

from typing import Any

import numpy as np

from engine.live.view import LiveView


def live_facts(view: LiveView) -> dict[str, Any]:
    """Returns facts about a view and its generation, as plain JSON values."""
    generation, index, recogniser = view.generation, view.generation.index, view.generation.recogniser
    return {
        "generation": generation.id,
        "fingerprint": generation.spec.fingerprint,
        "backbone": generation.spec.name,
        "runtime": generation.spec.runtime,
        "precision": generation.spec.precision,
        "label_kind": recogniser.label_kind if recogniser else None,
        "labels": len(recogniser.labels) if recogniser else 0,
        "text_encoder": generation.text_encoder,
        "index": index.kind,
        "index_reason": index.reason,
        "index_memory_bytes": index.memory_bytes,
        "rows": index.count,
        "dim": index.dim,
        "delta_rows": int(np.count_nonzero(view.delta.alive)),
        "masked_rows": len(view.dead),
        "seq": view.seq,
        "pending": view.pending,
    }
