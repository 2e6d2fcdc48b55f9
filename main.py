"""The paper's command line, see `pds.cli`."""

import sys

from pds.sample_cli import sample_main

sys.exit(sample_main())
