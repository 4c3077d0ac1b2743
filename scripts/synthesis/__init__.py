"""Procedural scenes with exact labels: trucks, loads, covers, streets, light, cameras (bpy), and plates (no bpy)."""
