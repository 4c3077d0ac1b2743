"""The pages of the desk; one module each, registered here."""

from detector.review.pages import (
    account,
    administration,
    assets,
    cameras,
    case,
    dashboard,
    evidence,
    home,
    queue,
    sign_in,
    training,
)

PAGES = (
    assets,
    sign_in,
    home,
    account,
    queue,
    case,
    evidence,
    dashboard,
    cameras,
    training,
    administration,
)
"""Modules with `router`, and `LINKS` for the navigation."""
