"""What operators see: logs and notices to the service manager."""
