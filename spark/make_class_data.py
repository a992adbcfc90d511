"""Makes the class-data archive of drivers: `python -u make_class_data.py <folder>`, where `launch.json` lies as in a driver's folder."""

import os
import sys

from parthenon_driver.class_data import make_class_data
from parthenon_driver.launch import Launch

if __name__ == "__main__":
    os.umask(0o077)
    make_class_data(Launch.read(sys.argv[1]))
