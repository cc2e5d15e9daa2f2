"""Rewards over HTTP, on 127.0.0.1 and behind a key: `cure-tui reward serve`.

server    routes, key, bounds, the end; read it first
request   body -> answers of tasks, or the one line that says why not
reply     rewards of tasks -> JSON
budget    bytes that requests hold, first come, first served
key_file  the key in a file of its owner alone

README.md of `engine.rewarding` shows a client; the server needs aiohttp (`pip install -e '.[serve]'`).
"""
