"""Descriptions that travel with other people's networks, read as cards.

Input: a folder, a zip or a file in one of the field's formats. Output: the weights to run, the
keys of a card, and notes on how the description was read. Nothing in a description is run.
"""
