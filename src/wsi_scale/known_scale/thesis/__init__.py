"""The model problem of the MSU thesis (2022): its images, its training, its tables and figures."""
