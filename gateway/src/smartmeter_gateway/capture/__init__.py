"""`decode`: what a capture of a meter's bytes holds, for a person with a question."""
