"""What runs and how it is put together: may start and end programs, and imports neither services nor chaos."""
