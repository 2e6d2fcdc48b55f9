"""`python -m pds`, see `pds.cli`."""

import sys

from pds.cli import main

sys.exit(main())
