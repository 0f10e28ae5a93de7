"""The checks of `make check` on the packages that this project is built from."""
