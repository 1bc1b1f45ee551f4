"""Every error the project raises on purpose, and the data layer's own.

    LookalikeError
    ├── SettingsError           a setting has a bad value
    ├── InvalidProduct          a product's facts break a rule
    ├── InvalidImage            bytes that are not an image this project accepts
    │   ├── ImageTooLarge       over the byte or pixel cap
    │   └── UnsupportedImage    not on the format allow-list
    ├── InvalidFilter           a filter expression does not parse; names the position
    ├── InvalidFeed             a catalogue file cannot be read at all
    ├── UnknownProduct          no product has this product_id
    ├── DatabaseError           catalog.db cannot be used
    ├── FeatureStoreError       stored features are missing or damaged
    ├── NoGeneration            nothing has been published yet
    ├── CorruptGeneration       a generation's file is not what its manifest says
    ├── InvalidEvent            an event's kind, id, time or text breaks a rule
    ├── InvalidKey              an API key is asked for with scopes that do not exist
    └── LockHeld                another process is doing this already

Layers above add their own branches in `engine/errors.py`, `indexer/errors.py` and `training/errors.py`.
A message says what is required, what came and what to do.
"""


class LookalikeError(Exception):
    """Base of all errors raised on purpose.

    Attributes:
        code: short, stable, lower-case name of the kind, used in reports and in HTTP problem types.
    """

    code = "error"


class SettingsError(LookalikeError):
    code = "bad_setting"


class InvalidProduct(LookalikeError):
    """A product's facts break a rule; `code` names the rule (for example `missing_product_id`)."""

    def __init__(self, message: str, *, code: str = "invalid_product") -> None:
        super().__init__(message)
        self.code = code


class InvalidImage(LookalikeError):
    """Bytes that cannot be decoded safely; `code` names the rule that was broken (for example `truncated`)."""

    def __init__(self, message: str, *, code: str = "undecodable_image") -> None:
        super().__init__(message)
        self.code = code

    def numbered(self, number: int) -> "InvalidImage":
        """Returns the same error, naming which of several photos it is about; the first is number 1."""
        return type(self)(f"photo number {number}: {self}", code=self.code)


class ImageTooLarge(InvalidImage):
    def __init__(self, message: str, *, code: str = "image_too_large") -> None:
        super().__init__(message, code=code)


class UnsupportedImage(InvalidImage):
    def __init__(self, message: str, *, code: str = "unsupported_image") -> None:
        super().__init__(message, code=code)


class InvalidFilter(LookalikeError):
    """A filter expression does not parse.

    Attributes:
        position: 0-based character offset of the first thing that does not fit.
    """

    code = "bad_filter"

    def __init__(self, message: str, *, position: int) -> None:
        super().__init__(message)
        self.position = position


class InvalidFeed(LookalikeError):
    code = "bad_feed"


class UnknownProduct(LookalikeError):
    code = "unknown_product"

    def __init__(self, product_id: str) -> None:
        super().__init__(f"product_id must be in the catalogue; got {product_id!r}. Import the product first.")
        self.product_id = product_id


class DatabaseError(LookalikeError):
    code = "database"


class FeatureStoreError(LookalikeError):
    code = "feature_store"


class NoGeneration(LookalikeError):
    code = "no_generation"


class CorruptGeneration(LookalikeError):
    """A generation's file is missing or its sha256 differs from the manifest's; the message names the file."""

    code = "corrupt_generation"


class InvalidEvent(LookalikeError):
    """An event breaks a rule; `code` names the rule (for example `bad_time`)."""

    def __init__(self, message: str, *, code: str = "bad_event") -> None:
        super().__init__(message)
        self.code = code


class InvalidKey(LookalikeError):
    code = "bad_key"


class LockHeld(LookalikeError):
    code = "lock_held"
