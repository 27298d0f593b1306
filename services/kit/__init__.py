"""What every service is made of, one noun a file; knows no service, and each group only those below it."""
