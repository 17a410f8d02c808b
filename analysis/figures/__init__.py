"""The only room that imports matplotlib."""
