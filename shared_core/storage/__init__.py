"""Files of ours that threads and processes share; what stands in them is for the rooms that use them to say."""
