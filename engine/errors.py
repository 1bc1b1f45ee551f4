"""The engine's branch of the error tree.

LookalikeError
└── EngineError
    ├── BackboneUnavailable   this backbone cannot be used here; the message says what to do
    ├── FingerprintMismatch   vectors or models made by different backbones or encoders
    ├── InvalidQuery          a search request that breaks a rule
    │   ├── CursorExpired     a page cursor whose ranking is no longer kept
    │   └── NoFeatureMap      the backbone cannot say where in a photo it saw something
    ├── NoVoters              the live generation has no voters, so it cannot recognise photos
    ├── InvalidModel          a model, weights or index file that is damaged or the wrong one
    ├── MissingExtra          a library is not installed; the message names the extra that brings it
    ├── IndexUnavailable      the index is in Milvus, which does not answer
    └── Overloaded            too many queries wait, or this one waited too long
"""

from data.errors import LookalikeError


class EngineError(LookalikeError):
    code = "engine"


class MissingExtra(EngineError):
    code = "missing_extra"


class BackboneUnavailable(EngineError):
    code = "backbone_unavailable"


class FingerprintMismatch(EngineError):
    code = "fingerprint_mismatch"


class InvalidQuery(EngineError):
    """A search request breaks a rule.

    Attributes:
        field: the field that is wrong; empty if the request as a whole is wrong.
    """

    code = "bad_query"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class CursorExpired(InvalidQuery):
    code = "cursor_expired"


class NoFeatureMap(InvalidQuery):
    """The backbone cannot say where in a photo it saw something, or which parts of a photo count."""

    code = "no_feature_map"


class NoVoters(EngineError):
    """The live generation has no voters, so it cannot recognise photos."""

    code = "no_voters"


class InvalidModel(EngineError):
    code = "bad_model"


class IndexUnavailable(EngineError):
    """The index is on another server, which does not answer; the message names it."""

    code = "index_unavailable"


class Overloaded(EngineError):
    """Too many queries wait, or this one waited too long."""

    code = "overloaded"
