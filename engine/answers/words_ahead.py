"""Computes what the words beside a photo mean while the photo is decoded and goes through the network.

Without a photo it does not pay: the words are read in Python and SQLite meanwhile, and so two threads wait for each
other.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

from engine.generation import Generation


class WordsAhead:
    """Computes the words of one search at a time, in a thread of its own. Safe to use from several threads.

    While it is at work for one search, others compute their own words when they need them: then there are enough
    searches for all processors, and a point that nobody uses would cost another search its time.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "words")
        self._busy = threading.Lock()

    def compute(self, generation: Generation, text: str) -> None:
        """Begins to compute the point of a text and what it is near to; the generation remembers both."""
        if self._busy.acquire(blocking=False):
            self._thread.submit(self._embed, generation, text)

    def _embed(self, generation: Generation, text: str) -> None:
        try:
            if (tower := generation.text_tower()) is not None:
                tower.embed([text])
                generation.nearness(text)
        finally:
            self._busy.release()
