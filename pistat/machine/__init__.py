"""The only door to the outside: files, devices, programs, clocks and the kernel's sockets."""
