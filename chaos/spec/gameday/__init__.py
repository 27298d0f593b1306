"""A game day in words: the deck of rounds, the seal of one, and which answer is right."""
