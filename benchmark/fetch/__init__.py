"""Download published files: from direct addresses, Google Drive and the Hugging Face hub."""
