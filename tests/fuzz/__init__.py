"""Wrong requests by the hundred thousand: none may make the server fail, and none may change anything."""
