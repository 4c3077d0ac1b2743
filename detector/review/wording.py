"""Texts of the desk: one folder per language, one file per page, the same keys in each."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("texts")
LANGUAGES = ("zh", "en")


@cache
def load_texts(language: str) -> Mapping[str, str]:
    """Every text of a language by its dotted key.

    Raises:
        ValueError: a key stands in two files, or a value is no text.
    """
    texts: dict[str, str] = {}
    for path in sorted((FOLDER / language).glob("*.toml")):
        for key, value in _flatten(tomllib.loads(path.read_text(encoding="utf-8")), ""):
            if key in texts or not isinstance(value, str):
                raise ValueError(f"{path.name}: {key} stands twice or is no text")
            texts[key] = value
    return texts


class Words:
    """The texts of one language."""

    def __init__(self, language: str) -> None:
        """Load a language of `LANGUAGES`."""
        self.language = language
        self._texts = load_texts(language)

    def __call__(self, key: str, **values: object) -> str:
        """A text with its values filled in.

        Raises:
            KeyError: there is no such text.
        """
        found = self._texts[key]
        return found.format(**values) if values else found

    def known(self, key: str, fallback: str) -> str:
        """A text for a code that comes from data, or the code itself where nobody has words for it."""
        return self._texts.get(key, fallback)


def _flatten(table: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    found = []
    for key, value in table.items():
        found += _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return found
