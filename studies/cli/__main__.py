"""`python -m studies.cli`."""

import sys

from studies.cli.parser import main

sys.exit(main())
