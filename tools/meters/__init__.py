"""Virtual meters: simulated households whose meters speak as real ones do, by the standards alone.

They share no code with the core that reads them, so each checks the other.
"""
