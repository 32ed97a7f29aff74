"""``mmtransfer.tools.train`` from a checkout."""

import sys

from mmtransfer.tools.train import main

if __name__ == '__main__':
    sys.exit(main())
