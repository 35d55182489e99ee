"""Money: what care costs, who pays, and the insurance claim."""
