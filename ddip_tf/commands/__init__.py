"""The commands of ``ddip-tf``, one file a command; options that several take are in ``options``.

Imports all rooms, inside the commands, so that ``--help`` is quick.
"""
