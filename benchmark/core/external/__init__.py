"""Models, programs and libraries from outside this project: how they are named and run."""
