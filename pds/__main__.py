"""`python -m pds`, see `pds.cli`."""

import sys

from pds import memory
from pds.cli import main

memory.keep_large_blocks()
sys.exit(main())
