"""``mmtransfer.tools.derive`` from a checkout."""

import sys

from mmtransfer.tools.derive import main

if __name__ == '__main__':
    sys.exit(main())
