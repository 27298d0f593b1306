"""What is concluded: the verdict and its schema, coverage and the catalogue. Pure values, no way to them."""
