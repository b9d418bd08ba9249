"""What several rooms need and no user asks for: files written whole, processes, claims on folders,
tables, and how parts are found."""
