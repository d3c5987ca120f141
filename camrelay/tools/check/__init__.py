"""`camrelay check`: what would happen if the server were started with these settings."""
