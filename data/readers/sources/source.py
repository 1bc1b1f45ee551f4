"""One plain file to read a feed from, whatever it came in."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO

from data.readers.sources.encodings import MARK_BAD_BYTES, TextForm


@dataclass(frozen=True)
class Source:
    """A plain file; it can be opened several times.

    Attributes:
        path: where it can be opened; for what came out of a container, not the name that people know.
        name: what people call it, for messages: `feed.csv in feed.zip`.
        form: how its bytes are text.
    """

    path: Path
    name: str
    form: TextForm = field(default_factory=TextForm)

    @property
    def suffix(self) -> str:
        """The end of the file's own name, in lower case, with its dot."""
        return Path(self.name.partition(" in ")[0]).suffix.lower()

    def open(self) -> BinaryIO:
        return self.path.open("rb")

    def open_text(self) -> TextIO:
        """Opens the file as text; each byte that is not in its encoding becomes a lone surrogate (see `lines`)."""
        return io.TextIOWrapper(
            self.open(), encoding=self.form.encoding, errors=MARK_BAD_BYTES, newline=self.form.newline
        )
