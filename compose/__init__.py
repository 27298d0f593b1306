"""What runs and how it is put together: topology, configuration templates, the native runtime."""
