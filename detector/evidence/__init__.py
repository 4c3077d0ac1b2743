"""VIOLATION → EVIDENCE: the camera's own clip, stills, a composite for people, and a manifest that seals them."""
