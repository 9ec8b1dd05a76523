"""Where policies keep what threads, processes or machines share: memory, an SQLite file, a Redis server.

One module for each kind of knowledge and place. What a policy does with it is in `policy`, the same for all places.
"""
