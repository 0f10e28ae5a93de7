"""What `make check` asks about the packages that this project is built from."""
