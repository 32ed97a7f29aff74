"""One thread a process: several on shared cores wait for each other longer than they run."""

import os

os.environ.setdefault('OMP_NUM_THREADS', '1')
