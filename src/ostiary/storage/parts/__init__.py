"""The store's methods by subject, each one work. What they promise is written at the domain's protocols."""
