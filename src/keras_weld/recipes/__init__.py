"""What the commands do: the one place that strings reading, checking, merging and judging together."""
