"""``mmtransfer.tools.plot_curves`` from a checkout."""

import sys

from mmtransfer.tools.plot_curves import main

if __name__ == '__main__':
    sys.exit(main())
