"""The Concentrator: receives readings, keeps them on disk, and sends them to the Cloud."""
