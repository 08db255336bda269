"""What a key or token may be good for."""

READ = "read"  # the readings of its households, and to name their meters
DELETE = "delete"  # to delete their meters
AGGREGATE = "aggregate"  # what all meters used together
ADMIN = "admin"  # all of these, and to give keys and place Concentrators
SCOPES = (READ, DELETE, AGGREGATE, ADMIN)
