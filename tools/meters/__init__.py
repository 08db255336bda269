"""Virtual meters: simulated households whose meters follow the standards like real ones.

They share no code with the core that reads them, so each checks the other.
"""
