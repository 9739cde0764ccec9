"""The command `weld`: one file per command; the only folder that prints or exits."""
