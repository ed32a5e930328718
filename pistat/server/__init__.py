"""The HTTP server: connections, their limits, the watchdog and systemd.

One thread, the loop in `Server.run`, owns all sockets, their buffers, the selector and the limits. Workers
run the application; signal handlers run in the loop's thread, between two of its instructions. What others
than the loop touch, and why that is safe:

- `Server._finished` and `_wake`: a worker appends its `Work`, then sends a byte. An append to a deque cannot
  be torn, and the byte follows it, so none is left behind; where no byte fits, the loop is to wake anyhow.
- `Work.pieces` and `ends`: the worker's until it has appended its `Work`, the loop's from then on.
- `Work.request`: made by the loop, which forgets it. `client`, `addr`, `adj`: never change.
- `Work.check_client_disconnected`: asks the kernel. While a worker has a request, the socket stays open.
- What is in `Workers`: under its lock, but for the queue by which a thread gets its next `Work`.
- `Server.wait_for_large_answers`: a worker copies `_finished` in one step of the interpreter, and looks at
  sizes alone.
- `Server.application`, `cors`, `client`: replaced as a whole, by the loop, and read once for each request.
- `Server.report` and `refused`: count under locks of their own.
- `stop` and `request_reload`: set a flag, which the loop looks at after each turn, and send a byte.

Of waitress these are used: the parser, and `WSGITask`, which sees of all this the `Work` alone. Not its
channel, server and trigger: their workers send, close and clear what their loop uses.
"""
