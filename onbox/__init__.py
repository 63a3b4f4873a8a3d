"""Programs that run on the box: Python's standard library only, 3.10 and up.

Most arrive on standard input of one SSH exec and leave nothing behind (`roles.operations`); those that must outlive a
connection are installed under /usr/local/lib/boxkeeper and run as systemd units.
"""
