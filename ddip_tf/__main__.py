"""``python -m ddip_tf`` is ``ddip-tf``."""

from ddip_tf import cli

if __name__ == "__main__":
    cli.main()
