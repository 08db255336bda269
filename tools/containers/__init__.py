"""make containers: the images are built and run here, without a container daemon."""
