"""DECISION → DEPARTMENTS: an outbox in the case database, senders for what receivers speak, and what they answer."""
