"""Models side by side on the same prompts: figures ranked and put into words, and the page that shows them."""
