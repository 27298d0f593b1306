"""What every fact of a recording has. Beside facts, users write files of their own; see chaos/load."""

import msgspec


class Fact(msgspec.Struct, frozen=True, tag_field="fact"):
    """Base of all facts."""

    at: float
