"""The sources of evidence, one a file; each turns what it sees into facts and nothing else."""
