"""Dedicated Inference Endpoints: the API that manages them, and the endpoints themselves.

Lives here: their states, which advance by being asked after and never by the clock (`fleet`); the API's routes
(`routes`); the address of each, which is a path of this server (`serving`). The shapes are those that huggingface_hub
reads and sends (2.4.0), and its documentation's of the metrics (November 2026). Not here: the models behind them.
"""
