"""From a recording to its verdict. Pure: no clock, no network, no disk."""
