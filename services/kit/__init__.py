"""What every service is made of, one noun a file."""
