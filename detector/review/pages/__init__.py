"""The pages of the desk; one module each, registered here."""

from detector.review.pages import (
    account,
    assets,
    case,
    evidence,
    home,
    queue,
    sign_in,
)

PAGES = (
    assets,
    sign_in,
    home,
    account,
    queue,
    case,
    evidence,
)
"""Modules with `router`, and `LINKS` for the navigation."""
