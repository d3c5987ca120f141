"""What the settings ask for, made: each module makes one part of a node for camrelay.service."""
