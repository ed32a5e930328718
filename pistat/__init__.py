"""What pi-stat knows about the machine, how it says so, and where it listens; nothing here knows of Flask."""

__version__ = "1.0.0"
