"""PASSES → SIGHTINGS: who passed where and when, hashed and sealed, in day files that an analytic engine scans.

keys.py       keys in files of their own, one pair a window, destroyed in turn
sealing.py    keyed hashes to join by, and the plate itself sealed
analytics.py  the DuckDB connection
importing.py  files of checkpoint systems, at speed, with line numbers of what is wrong
store.py      the day files, the inbox of live and replay, openings
purging.py    deletion, rotation of keys, compaction
"""
