"""Embeds photos on many machines with Ray Data; needs the extra `ray`, and nothing else imports Ray."""

from indexer.cluster.connection import LOCAL, require_cluster
from indexer.cluster.embedding import embed_on_ray

__all__ = ["LOCAL", "embed_on_ray", "require_cluster"]
