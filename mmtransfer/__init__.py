"""mmtransfer: adapt the architecture and the weights of a pretrained backbone to a new task."""

__version__ = '0.1.0'
