"""What pi-stat knows about the machine, and how; nothing in here has ever heard of HTTP but `server.py`."""

VERSION = "0.1.0"
