"""Network interfaces and radios, asked of the kernel by netlink."""
