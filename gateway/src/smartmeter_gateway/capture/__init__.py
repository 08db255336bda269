"""`decode`: shows the content of a capture of a meter's bytes."""
