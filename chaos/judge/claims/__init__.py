"""From what was seen of a claim to what is concluded, all pure."""
