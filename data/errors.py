"""The errors raised on purpose: the root of the error tree and the data layer's branch of it.

    LookalikeError
    ├── SettingsError           a setting has a bad value
    │   └── NoHome              the home has no catalogue, and this command makes none
    ├── InvalidProduct          a product's facts break a rule
    ├── ProductExists           a product was to be new, but its product_id is taken
    ├── InvalidImage            bytes that are not an image this project accepts
    │   ├── ImageTooLarge       over the byte or pixel cap
    │   ├── UnsupportedImage    not on the format allow-list
    │   └── DecoderBusy         the machine was too busy to decode it in time
    ├── DecodersUnavailable     no process can be started that decodes photos
    ├── InvalidFilter           a filter expression does not parse; holds the position
    ├── InvalidFeed             a catalogue file cannot be read at all
    │   └── InvalidImport       an option of the import does not fit it
    ├── UnknownProduct          no product has this product_id
    ├── InvalidLabel            a decision about a photo's label names a photo or label that is not there
    ├── UnknownImport           no import with this number deleted anything that is still kept
    ├── DatabaseError           catalog.db cannot be used
    │   ├── HomeGone            it is gone, or another one is in its place, while a process uses it
    │   └── KeysGone            it held API keys before and holds none now
    ├── FeatureStoreError       stored features are missing or damaged
    ├── NoGeneration            nothing has been published yet
    ├── CorruptGeneration       a generation's file differs from its manifest
    ├── ReleaseUnavailable      the storage of releases fails, or holds something else than was released
    ├── InvalidEvent            an event's kind, id, time or text breaks a rule
    ├── InvalidKey              a new API key needs at least one scope, all of them known
    └── LockHeld                another process holds the lock, for example a running rebuild

Layers above add their own branches in `engine/errors.py`, `indexer/errors.py` and `training/errors.py`.
Each message says what is required, what was received and what to do.
"""

from collections.abc import Sequence


class LookalikeError(Exception):
    """Base class of all errors raised on purpose.

    Attributes:
        code: short, stable, lower-case name of the error, used in reports and in HTTP problem types.
    """

    code = "error"


class SettingsError(LookalikeError):
    code = "bad_setting"


class NoHome(SettingsError):
    """The home that was named has no catalog.db."""

    code = "no_home"


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
    """An image over the limit of bytes or pixels."""

    def __init__(self, message: str, *, code: str = "image_too_large") -> None:
        super().__init__(message, code=code)


class UnsupportedImage(InvalidImage):
    """Bytes of an image format that is not read."""

    def __init__(self, message: str, *, code: str = "unsupported_image") -> None:
        super().__init__(message, code=code)


class DecoderBusy(InvalidImage):
    """The machine was too busy to decode a photo in time; the photo may be good, so it can be tried again."""

    def __init__(self, message: str, *, code: str = "decoder_busy") -> None:
        super().__init__(message, code=code)


class DecodersUnavailable(LookalikeError):
    """No process can be started that decodes photos, and no photo is decoded without one."""

    code = "decoders_unavailable"

    def __init__(self, found: object) -> None:
        super().__init__(
            f"photos are decoded in processes of their own, and none could be started ({found}). Allow the program to "
            "start processes (ulimit -u, systemd's TasksMax), and see that memory is free."
        )


class InvalidFilter(LookalikeError):
    """A filter expression does not parse.

    Attributes:
        position: 0-based character offset of the first part that does not fit.
    """

    code = "bad_filter"
    field = "filter"

    def __init__(self, message: str, *, position: int) -> None:
        super().__init__(message)
        self.position = position


class InvalidFeed(LookalikeError):
    code = "bad_feed"


class InvalidImport(InvalidFeed):
    """An option of an import does not fit the feed, which may be good."""

    code = "bad_import"


class ProductExists(LookalikeError):
    """A product was to be added as a new one, but there is one with its product_id.

    Attributes:
        title: that of the product that is there; its product_id if it has none.
    """

    code = "product_exists"

    def __init__(self, product_id: str, title: str) -> None:
        super().__init__(f"product_id must be new; got {product_id!r}, which a product has. Choose another one.")
        self.title = title or product_id


class UnknownProduct(LookalikeError):
    """No product has this product_id.

    Attributes:
        deleted_name: the title or category of the product that had it, as long as that is kept; None: there was none.
    """

    code = "unknown_product"

    def __init__(self, product_id: str, deleted_name: str | None = None) -> None:
        super().__init__(f"product_id must be in the catalogue; got {product_id!r}. Import the product first.")
        self.product_id, self.deleted_name = product_id, deleted_name


class InvalidLabel(LookalikeError):
    code = "bad_label"


class UnknownImport(LookalikeError):
    """No import with this number deleted anything, or its record is no longer kept."""

    code = "unknown_import"

    def __init__(self, run_id: int, known: Sequence[int]) -> None:
        numbers = ", ".join(map(str, known)) or "none"
        super().__init__(f"restore needs the number of an import that deleted products ({numbers}); got {run_id}.")


class DatabaseError(LookalikeError):
    code = "database"


class HomeGone(DatabaseError):
    """The catalog.db that this process opened is not in its place any more: deleted, unmounted or replaced."""

    code = "home_gone"

    def __init__(self, found: str) -> None:
        super().__init__(
            f"catalog.db must stay the one that this process opened; {found}. Bring the home back (mount or restore "
            "it), or restart to go on with what is there now."
        )


class KeysGone(DatabaseError):
    """API keys were in use, and now there are none: nobody may be let in because the keys were lost."""

    code = "keys_gone"


class FeatureStoreError(LookalikeError):
    code = "feature_store"


class NoGeneration(LookalikeError):
    """No generation has been published, or none has the id that was named."""

    code = "no_generation"


class CorruptGeneration(LookalikeError):
    """A generation's file is missing or its sha256 differs from the manifest's; the message names the file."""

    code = "corrupt_generation"


class ReleaseUnavailable(LookalikeError):
    code = "release_unavailable"


class InvalidEvent(LookalikeError):
    """An event breaks a rule; `code` names the rule (for example `bad_time`)."""

    def __init__(self, message: str, *, code: str = "bad_event") -> None:
        super().__init__(message)
        self.code = code


class InvalidKey(LookalikeError):
    code = "bad_key"


class LockHeld(LookalikeError):
    code = "lock_held"


def is_expected(error: Exception) -> bool:
    """Returns whether an error was raised on purpose or by the system; any other one is a fault of this program."""
    return isinstance(error, LookalikeError | OSError)


def in_words(error: Exception) -> str:
    """Returns what a status says of an error: its message; only its kind if nobody expected it."""
    if is_expected(error):
        return str(error)
    return f"an unexpected error ({type(error).__name__}); the log of this process says more"
