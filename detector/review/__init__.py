"""The officers' half: accounts, and the desk where candidates become decisions."""
