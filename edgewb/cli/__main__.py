"""``python -m edgewb.cli``, the same as ``edgewb``."""

import sys

from edgewb.cli import main

sys.exit(main())
