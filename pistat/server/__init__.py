"""The HTTP server: connections, their limits, the watchdog and systemd."""
