"""What things cost on a machine: constants with sources, and the prices made of them.

A file per machine holds its constants and its target. Accounts differ from machine to machine (what a synaptic
event contains, whether static power is in it): the assumptions of each target say so, and no constant of one is
mixed into another.
"""
