"""The paper's command line, see `pds.cli`."""

import sys

from pds.cli import sample_main

sys.exit(sample_main())
