"""What was seen while a claim was measured."""
