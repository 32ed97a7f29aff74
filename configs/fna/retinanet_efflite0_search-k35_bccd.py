"""Kernels 3 and 5 only: what kernel='dilate' can make of Lite0's (FNA++, Eq. 11 and Table 15)."""

_base_ = './retinanet_efflite0_search_bccd.py'
model = dict(backbone=dict(kernels=(3, 5)))
