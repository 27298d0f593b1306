"""Words and pictures of what was concluded of claims."""
