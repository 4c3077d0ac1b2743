"""The programs: only here are concrete classes chosen."""
