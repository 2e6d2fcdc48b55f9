"""The paper's command line, see `pds.commands.cli`."""

import sys

from pds.commands.sample_cli import sample_main
from pds.serving import memory

memory.keep_large_blocks()
sys.exit(sample_main())
