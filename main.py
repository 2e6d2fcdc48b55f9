"""The paper's command line, see `pds.commands.sample`."""

import sys

from pds.commands.sample import sample_main
from pds.serving import memory

memory.keep_large_blocks()
sys.exit(sample_main())
