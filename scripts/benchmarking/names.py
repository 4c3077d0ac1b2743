"""Names of the stages of a replay, in the order of the flow."""

STAGES = (
    "demux", "decode", "convert", "letterbox", "detect", "track", "classify", "plate", "evidence", "database",
)  # fmt: skip
