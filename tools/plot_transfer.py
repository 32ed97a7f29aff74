"""``mmtransfer.tools.plot_transfer`` from a checkout."""

import sys

from mmtransfer.tools.plot_transfer import main

if __name__ == '__main__':
    sys.exit(main())
