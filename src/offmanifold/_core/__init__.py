"""What knows no image: errors, files, locks, randomness, precision, statistics."""
