"""What was searched for, kept by the server under a random word, so that no name stands in an address."""

import secrets

MOST_KEPT = 1000
LONGEST = 100


class Searches:
    """The latest searches of this process; older ones are forgotten."""

    def __init__(self, longest: int = LONGEST) -> None:
        self.longest = longest
        self._texts: dict[str, str] = {}

    def keep(self, text: str) -> str:
        """Remember what was searched for, ``longest`` characters of it; the word under which it is kept."""
        if len(self._texts) >= MOST_KEPT:
            del self._texts[next(iter(self._texts))]
        word = secrets.token_urlsafe(16)
        self._texts[word] = text.strip()[: self.longest]
        return word

    def text(self, word: str) -> str | None:
        """What is kept under the word; None if it was forgotten."""
        return self._texts.get(word)
