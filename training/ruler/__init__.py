"""Trains and proves a ruler: a network that reads the pixel size of H&E from its pixels."""
