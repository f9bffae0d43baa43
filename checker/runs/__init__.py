"""The kept run: its folder, its manifest, its stores, its signature, how long it is kept."""
