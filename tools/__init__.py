"""Programs for those who try the chain or work on it; none of them runs on a device or a server."""
