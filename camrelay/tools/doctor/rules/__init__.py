"""What a fact means: facts in, findings out. No input, no output, no clock."""
