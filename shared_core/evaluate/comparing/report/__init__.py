"""A comparison as one page of HTML: text, drawings (`axes`, `labels`, `scatter`, `spreads`), answers, and its style."""
