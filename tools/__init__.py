"""Programs that make files of this repository or fetch what tests need."""
