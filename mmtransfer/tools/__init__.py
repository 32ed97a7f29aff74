"""The programs: ``python -m mmtransfer.tools.train CONFIG``; also ``python tools/train.py``
in a checkout."""
