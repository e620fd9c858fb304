"""Because this file is here, pytest finds the package in this folder."""
