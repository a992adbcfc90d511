"""Starts a driver: `python -u start_driver.py <folder>`.

A script rather than `python -m`: its own folder comes first on `sys.path`, so that nothing has to be said in
PYTHONPATH, which the session's own subprocesses and Spark's Python workers would inherit.
"""

import sys

from parthenon_driver.boot import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
