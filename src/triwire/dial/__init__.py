"""Opens a transport by the name of its wire. The one place that knows them all."""
