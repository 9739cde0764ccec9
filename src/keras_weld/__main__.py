"""`python -m keras_weld` is the command `weld`."""

from keras_weld.cli.entry import run

if __name__ == "__main__":
    run()
