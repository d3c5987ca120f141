"""Who somebody is: tokens, the keys that sign them, guests. The only place that knows of JWT."""
