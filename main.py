"""The paper's command line, see `pds.cli`."""

import sys

from pds import memory
from pds.sample_cli import sample_main

memory.keep_large_blocks()
sys.exit(sample_main())
