"""The model problem of the MSU thesis (2022): its images, training, tables and figures."""
