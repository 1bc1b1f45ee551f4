"""The indexer's branch of the error tree.

LookalikeError
└── IndexerError
    ├── StrictImportFailed   --strict met a bad row; nothing was written
    ├── NothingToIndex       the catalogue holds no product, or has lost all its photos
    └── GateFailed           a verify gate refused the new generation; nothing was published
"""

from data.errors import LookalikeError


class IndexerError(LookalikeError):
    code = "indexer"


class StrictImportFailed(IndexerError):
    code = "strict_import_failed"


class NothingToIndex(IndexerError):
    code = "nothing_to_index"


class GateFailed(IndexerError):
    code = "gate_failed"
