"""`python -m pds`, see `pds.commands.cli`."""

import sys

from pds.commands.cli import main
from pds.serving import memory

memory.keep_large_blocks()
sys.exit(main())
