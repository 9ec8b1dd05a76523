"""Every task but chat and embeddings: media behind nine providers, and hf-inference's classic tasks.

Lives here: models, each provider's routes with its own bodies and refusals, jobs that advance by being asked
after, and the second origin that result files lie on. Not here: how a file is made (`studio`), and what the
classic tasks answer (`classic`).
"""
