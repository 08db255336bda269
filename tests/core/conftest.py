"""How many examples the properties are tried on: few in `make test`, many in `make fuzz`."""

from hypothesis import settings

settings.register_profile("quick", max_examples=80, deadline=None)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile("quick")
