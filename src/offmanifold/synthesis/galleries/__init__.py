"""Folders of images made by one use each, which go on where they were interrupted."""
