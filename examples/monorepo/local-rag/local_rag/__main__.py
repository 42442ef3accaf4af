"""`python3 -m local_rag` runs the service from a checkout."""

import sys

from local_rag.server import main

sys.exit(main())
