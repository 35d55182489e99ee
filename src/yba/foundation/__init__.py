"""What every care and money context stands on: persons, record, trust, words, rules."""
