"""What a room does with a message: one file per kind, one small interface for all of them."""
