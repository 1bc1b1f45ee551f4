"""The engine's branch of the error tree.

LookalikeError
└── EngineError
    ├── BackboneUnavailable   the weights cannot be had; names the ways out
    ├── FingerprintMismatch   two vectors that must not meet
    ├── InvalidQuery          a search request that makes no sense
    ├── CursorExpired         a page cursor of a ranking that is gone
    ├── NoVoters              the live generation cannot recognise: nothing was trained
    ├── InvalidModel          a model, weights or index file that is not what it must be
    └── Overloaded            too many queries wait, or this one waited too long
"""

from data.errors import LookalikeError


class EngineError(LookalikeError):
    code = "engine"


class BackboneUnavailable(EngineError):
    code = "backbone_unavailable"


class FingerprintMismatch(EngineError):
    code = "fingerprint_mismatch"


class InvalidQuery(EngineError):
    code = "bad_query"


class CursorExpired(InvalidQuery):
    code = "cursor_expired"


class NoVoters(EngineError):
    code = "no_voters"


class InvalidModel(EngineError):
    code = "bad_model"


class Overloaded(EngineError):
    code = "overloaded"
