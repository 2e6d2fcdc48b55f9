"""Arrays, pictures and images in files, whole files, hashes, and the place of the shipped ones."""
