"""Images made on the spot, under the names of those that the project's files start from: no registry is asked."""
