"""The commands of ``ddip-tf``, one module a kind. Heavy imports stand inside them, so that ``--help`` is quick."""
