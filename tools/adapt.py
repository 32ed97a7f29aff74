"""``mmtransfer.tools.adapt`` from a checkout."""

import sys

from mmtransfer.tools.adapt import main

if __name__ == '__main__':
    sys.exit(main())
