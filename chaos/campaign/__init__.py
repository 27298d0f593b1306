"""Many runs: the catalogue, what recordings prove together, and the files that a run leaves."""
