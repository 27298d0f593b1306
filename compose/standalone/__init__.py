"""The self-contained Compose file and what makes it of containers/ and config/; may write the two files beside it."""
