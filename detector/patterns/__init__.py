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

What a desk asks and does, each in one call (`Actor`: an authenticated account):

    leads, with reasons and timeline       LeadStore.list, get, report;  sentences.say_reason, say_entry, say_lead
    a lead or a plate to the watch list    WatchList.apply(WatchRequest, Actor), approve(entry_id, Actor), revoke, list
    interceptions as they come             InterceptionStore.list(is_open=True), get, acknowledge, report;
                                           Interception.waited (the timer), next_cameras, later
    where a plate was seen                 detector.sightings.store.SightingStore.find_plate(plate, window, Opening)
    who opened which plates                SightingStore.openings
"""
