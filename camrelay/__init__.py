"""camrelay: a real-time relay for cameras, phones, browsers and chat rooms."""

__version__ = "0.1.0"
