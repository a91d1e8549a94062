"""How much of a page's text is shown: whatever somebody stored, a page stays quick to make and to read."""

from __future__ import annotations

from dataclasses import dataclass

from core.markdown import MAX_LENGTH, render_markdown

MAX_BLOCK = 100_000
"""Characters of one block."""

MAX_PAGE = 2_000_000
"""Characters of all blocks of a page; the blocks behind them show their first `SHORT` characters."""

MAX_MARKDOWN = 300_000
"""Characters of a page that are rendered as Markdown, which costs up to 17 µs each."""

SHORT = 2_000


@dataclass(slots=True)
class Budget:
    """What a page has left to show."""

    text: int = MAX_PAGE
    markdown_text: int = MAX_MARKDOWN

    def markdown(self, text: str) -> str | None:
        """Return the text as HTML, None where it has to be shown as plain text."""
        if len(text) > min(MAX_LENGTH, self.markdown_text):
            return None
        self.markdown_text -= len(text)
        self.text -= len(text)
        return render_markdown(text)

    def cut(self, text: str, *, length: int | None = None) -> tuple[str, str]:
        """Return as much of the text as may be shown, and a note on the rest.

        `length` is how long the text is where it was stored, when only its beginning was read.
        """
        shown = text[: max(SHORT, min(MAX_BLOCK, self.text))]
        self.text -= len(shown)
        total = len(text) if length is None else length
        if len(shown) == total:
            return shown, ""
        return shown, f"The first {len(shown):,} of {total:,} characters. An export holds all of them."
