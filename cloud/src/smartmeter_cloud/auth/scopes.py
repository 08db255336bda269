"""What a key or token may be good for."""

READ = "read"  # the readings of its households, and to name their meters
DELETE = "delete"  # to delete their meters
AGGREGATE = "aggregate"  # what all meters used together
PROVISION = "provision"  # to make meters of its household, and to have their adapters' settings
METRICS = "metrics"  # counts of everything, for Prometheus; no readings
ADMIN = "admin"  # all of these, and to give keys and place Concentrators
SCOPES = (READ, DELETE, AGGREGATE, PROVISION, METRICS, ADMIN)
