"""The stages of interactive authentication, one small module each."""
