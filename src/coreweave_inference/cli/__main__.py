"""`python -m coreweave_inference.cli`."""

import sys

from coreweave_inference.cli import main

sys.exit(main())
