"""The console: one page for a round's people; it reads a run's folder, and writes the game's facts at its table alone.

Everything that it knows is in files, so that it can be ended and begun again at any moment.
"""
