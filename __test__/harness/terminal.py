"""Runs a command under a pseudo-terminal: terminal.py [--interrupt-at TEXT] COMMAND...

Its output, of both streams, goes to ours, as the terminal would get it. With --interrupt-at, Ctrl-C is typed once TEXT was
seen. Exits as the command did; 128 and the number of the signal that ended it.
"""

import os
import pty
import sys

arguments = sys.argv[1:]
awaited = None
if arguments[0] == "--interrupt-at":
    awaited = arguments[1].encode()
    arguments = arguments[2:]

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(arguments[0], arguments)

seen = b""
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:  # Linux says EIO where others say that it is the end.
        break
    if not piece:
        break
    os.write(1, piece)
    seen += piece
    if awaited is not None and awaited in seen:
        os.write(terminal, b"\x03")
        awaited = None

_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
