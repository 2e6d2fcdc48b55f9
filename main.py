"""The paper's command line, see `pds.commands.sample`."""

import sys

try:
    from pds.commands.sample import sample_main
    from pds.serving import memory

    memory.keep_large_blocks()
    code = sample_main()
except KeyboardInterrupt:  # within the seconds that the imports take
    print("main.py: stopped", file=sys.stderr)
    code = 130
sys.exit(code)
