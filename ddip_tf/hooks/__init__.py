"""Separations inside a running reconstruction: `loop` is when and whether, `ptychi` and `ptyrad` are how.

Programs are imported by whoever runs them, never here. Imports `ddip_tf.training.without_networks` and what that needs.
"""

from ddip_tf.hooks.loop import Loop, Program, Report, Separations

__all__ = ["Loop", "Program", "Report", "Separations"]
