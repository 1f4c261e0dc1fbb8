"""External inpainters: programs, model collections, and folders of inpainted images."""
