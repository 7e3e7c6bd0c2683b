"""Text that breaks what handles text carelessly."""

from __future__ import annotations

# Quotes, U+0000, a right-to-left word, an emoji of several code points, a line separator.
HARD_TEXT = 'it\'s "so"; DROP TABLE prompts --\x00 שלום 👩‍🚀 \u2028 %s :name ?'
