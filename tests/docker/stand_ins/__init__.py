"""Images that are made on this machine and named like those in the Dockerfiles, so that no registry is needed."""
