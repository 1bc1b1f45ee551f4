"""Embeds photos on many machines with Ray Data; needs the extra `ray`, and nothing else imports Ray."""

from indexer.cluster.connection import LOCAL, connected, require_cluster
from indexer.cluster.embedding import embed_on_ray, pool_for

__all__ = ["LOCAL", "connected", "embed_on_ray", "pool_for", "require_cluster"]
