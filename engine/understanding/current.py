"""Keeps the catalogue's values at hand, and reads them again after changes."""

import logging
import threading
import time

from data.catalogue import Catalogue
from data.errors import LookalikeError
from data.vocabulary import Wording
from engine.understanding.lexicon import Lexicon

_log = logging.getLogger("lookalike.understanding")
_REREAD_S = 10.0


class CurrentLexicon:
    """The words for a catalogue's present values. Safe to use from several threads.

    They are read at the first use. After changes they are read again in a thread of their own, at most once in ten
    seconds; until then those read before are used.
    """

    def __init__(self, catalogue: Catalogue, wording: Wording) -> None:
        self._catalogue, self._wording = catalogue, wording
        self._lock = threading.Lock()
        self._lexicon: Lexicon | None = None
        self._tried_at = 0.0
        self._reading: threading.Thread | None = None

    def get(self) -> Lexicon:
        """Returns the words, perhaps those of a few seconds ago."""
        lexicon = self._lexicon
        if lexicon is None:
            return self.refresh()
        stale = time.monotonic() - self._tried_at > _REREAD_S and self._catalogue.seq() != lexicon.vocabulary.seq
        if stale and (self._reading is None or not self._reading.is_alive()):
            self._reading = threading.Thread(target=self._refresh_behind, name="vocabulary", daemon=True)
            self._reading.start()
        return lexicon

    def refresh(self) -> Lexicon:
        """Returns the words for the values that the catalogue has now."""
        with self._lock:
            self._tried_at = time.monotonic()
            if self._lexicon is None or self._catalogue.seq() != self._lexicon.vocabulary.seq:
                self._lexicon = Lexicon.of(self._wording.vocabulary())
            return self._lexicon

    def _refresh_behind(self) -> None:
        try:
            self.refresh()
        except LookalikeError as error:
            _log.warning("the catalogue's values cannot be read, the earlier ones are used: %s", error)
