"""The rights of a key or token."""

READ = "read"  # read the readings of its households, and name their meters
DELETE = "delete"  # delete their meters
AGGREGATE = "aggregate"  # read totals over all households
PROVISION = "provision"  # create meters of its household, and read their adapters' settings
METRICS = "metrics"  # read counters and the ids of all meters, for Prometheus; no readings
ADMIN = "admin"  # all of these, and create keys and place Concentrators
SCOPES = (READ, DELETE, AGGREGATE, PROVISION, METRICS, ADMIN)
