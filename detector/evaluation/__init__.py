"""Scores of models and passes against the truth: pure counting, no files and no models."""
