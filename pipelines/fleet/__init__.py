"""Many machines: Ray starts workers, PostgreSQL says who watches what; see docs/fleet.md."""
