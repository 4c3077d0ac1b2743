"""SIGHTINGS → LEADS: patterns that are worth a look, with reasons; officers prove the case.

features.py   visits to hubs and what they have in common, by plate, in SQL
scoring.py    the published weights (scorer.toml): score and reasons
scanning.py   exclusions first, then features, score, openings, leads
clones.py     one plate in two places, or on two vehicles
leads.py      leads kept, with outcomes that feed back
sentences.py  what officers read, Chinese and English
roads.py      shortest ways between cameras
watchlist.py  listed plates and two persons' consent;  matching.py  looks against them, in memory
interceptions.py  what follows a hit
"""
