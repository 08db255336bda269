"""Programs for people who try the chain or work on it; none runs on a device or a server."""
