"""The operating system itself: pressure, packages, the clock, services, containers."""
