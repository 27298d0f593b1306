"""Makes the JSON files above it: a file a dashboard says what is shown, `board.py` in which words, `render.py` how."""
