"""TRACKS → PASSES: looks at loads and plates, votes over them, and gathers them into vehicle passes."""
