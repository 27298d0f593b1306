"""What people and programs wrote, as one line for a terminal, which obeys some characters instead of showing them."""

_INSTEAD = "\N{REPLACEMENT CHARACTER}"


def line(text: str) -> str:
    """The text in one line: white space is a blank, and whatever else has no look of its own one replacement each."""
    return "".join(" " if one.isspace() else one if one.isprintable() else _INSTEAD for one in text)
