"""Pictures, sounds and films made on the spot: real files that real programs open, the same for the same words.

Lives here: what a made file looks and sounds like, and how it is written. Not here: who asks for it, and in
which provider's words (`tasks`).
"""
