"""What the classic tasks answer: short, sensible, and the same every time, without a model of anything.

Each answer is read off the words, the cells, the colours or the sound, in the shape that hf-inference was
recorded with or that huggingface_hub's types describe. A `ValueError` says what is wrong with an input.
"""
