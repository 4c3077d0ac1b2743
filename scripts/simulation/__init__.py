"""The simulated hub city behind `scripts/simulate_sightings.py`: who drives where, how often, and how cameras err."""
