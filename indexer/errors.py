"""The indexer's branch of the error tree.

LookalikeError
└── IndexerError
    ├── StrictImportFailed   --strict met a bad row; nothing was written
    ├── NothingToIndex       the catalogue holds no product, or has lost all its photos
    ├── ClusterUnavailable   no Ray cluster lets this machine in, or it has no processors
    ├── ClusterFailed        a worker of the Ray cluster failed, or none gets on
    ├── InvalidShard         features that a worker wrote are damaged, or of another version
    └── GateFailed           a verify gate refused the new generation; nothing was published
"""

from data.errors import LookalikeError


class IndexerError(LookalikeError):
    code = "indexer"


class StrictImportFailed(IndexerError):
    code = "strict_import_failed"


class NothingToIndex(IndexerError):
    code = "nothing_to_index"


class ClusterUnavailable(IndexerError):
    code = "cluster_unavailable"


class ClusterFailed(IndexerError):
    code = "cluster_failed"


class InvalidShard(IndexerError):
    code = "invalid_shard"


class GateFailed(IndexerError):
    code = "gate_failed"
