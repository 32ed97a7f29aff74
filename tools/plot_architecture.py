"""``mmtransfer.tools.plot_architecture`` from a checkout."""

import sys

from mmtransfer.tools.plot_architecture import main

if __name__ == '__main__':
    sys.exit(main())
