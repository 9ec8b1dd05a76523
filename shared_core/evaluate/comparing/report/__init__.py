"""A comparison as one page of HTML: text, drawings (`axes`, `labels`, `scatter`, `spreads`), answers and tables."""
