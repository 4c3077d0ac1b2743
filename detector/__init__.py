"""Roadwarden's stations: each package turns one noun of `detector.entities` into the next."""
