"""A newcomer's first hour, played in fresh Debians; see __main__.py."""
