"""The pages of the desk; one module each, registered here."""

from detector.review.pages import (
    account,
    administration,
    assets,
    cameras,
    case,
    dashboard,
    department,
    evidence,
    home,
    interceptions,
    leads,
    queue,
    search,
    sign_in,
    training,
    watch,
)

PAGES = (
    assets,
    sign_in,
    home,
    account,
    queue,
    case,
    evidence,
    department,
    interceptions,
    leads,
    watch,
    search,
    dashboard,
    cameras,
    training,
    administration,
)
"""Modules with `router`, and `LINKS` for the navigation."""
