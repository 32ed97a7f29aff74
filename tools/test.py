"""``mmtransfer.tools.test`` from a checkout."""

import sys

from mmtransfer.tools.test import main

if __name__ == '__main__':
    sys.exit(main())
